"""The public suffix list, read once: it takes 50 ms."""

from publicsuffixlist import PublicSuffixList

SUFFIXES = PublicSuffixList(only_icann=True, accept_unknown=False)
"""ICANN's part; a top-level domain that it does not hold is none."""
