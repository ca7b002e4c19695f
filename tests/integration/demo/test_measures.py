"""Quantiles as Prometheus' `histogram_quantile` gives them, and counts once they are made."""

import math
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from demo.measures import bucket_quantile, scrape_counted

BUCKETS = [(0.1, 10.0), (0.2, 30.0), (0.5, 40.0), (math.inf, 40.0)]


@pytest.mark.parametrize(
    ("q", "seconds"), [(0.25, 0.1), (0.5, 0.15), (0.75, 0.2), (0.875, 0.35), (1.0, 0.5)]
)
def test_it_is_linear_within_a_bucket(q, seconds):
    assert bucket_quantile(BUCKETS, q) == pytest.approx(seconds)


def test_beyond_the_last_bound_it_is_that_bound():
    assert bucket_quantile([(0.1, 1.0), (math.inf, 10.0)], 0.99) == 0.1


def test_empty_buckets_are_passed_over():
    assert bucket_quantile([(0.1, 0.0), (0.2, 0.0), (0.4, 5.0), (math.inf, 5.0)], 0.5) == (
        pytest.approx(0.3)
    )


@pytest.mark.parametrize("buckets", [[], [(0.1, 0.0), (math.inf, 0.0)]])
def test_without_observations_there_is_none(buckets):
    assert math.isnan(bucket_quantile(buckets, 0.5))


@pytest.fixture
def counting():
    """Metrics of a worker that counts ten more each time it is asked, up to 30."""

    class Page(BaseHTTPRequestHandler):
        asked = 0

        def do_GET(self):
            Page.asked += 1
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"seawall_events_in_total {min(Page.asked * 10, 30)}\n".encode())

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("expected", "found"), [(10, 10), (30, 30), (40, 30)])
def test_counts_made_after_their_commit_are_waited_for_and_no_longer(counting, expected, found):
    def right(measures):
        return measures.total("seawall_events_in_total") == expected

    got = scrape_counted(counting, right, 2.0)
    assert got.total("seawall_events_in_total") == found
