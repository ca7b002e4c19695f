"""Grafana dashboards, as code."""

from dashboards.boards import capacity, lists, overview, stage, text_risk

BOARDS = (overview.BOARD, stage.BOARD, lists.BOARD, text_risk.BOARD, capacity.BOARD)
