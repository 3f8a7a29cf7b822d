"""The judge of limits is itself judged: by logs of limiters that are exact,
and of some that are not."""

import random
from collections import deque

import pytest

from limit_check import needless, overshoots

W = 1_000_000_000
QUANTUM = W // 2500


def exact(n):
    """Admits the n of any window, and nobody beyond."""
    last = deque()

    def admit(now):
        while last and now - last[0] > W + QUANTUM:
            last.popleft()
        if len(last) < n:
            last.append(now)
            return True
        return False
    return admit


def fixed(n):
    """Counts anew with each second: up to 2 n in an interval."""
    seen = {}

    def admit(now):
        seen[now // W] = seen.get(now // W, 0) + 1
        return seen[now // W] <= n
    return admit


def divided(n, workers):
    """Each worker has a limiter of its own."""
    limiters = [exact(n) for _ in range(workers)]
    rng = random.Random(1)
    return lambda now: rng.choice(limiters)(now)


def log_of(admit, seed, n, seconds=3):
    """What a client sees of a limiter that is offered five times its limit:
    (admitted, refused), latencies of 50 us to 8 ms."""
    rng = random.Random(seed)
    admitted, refused = [], []
    now = rng.randrange(W)
    end = now + seconds * W
    while now < end:
        now += int(rng.expovariate(5 * n / W))
        there, back = (int(rng.uniform(5e4, 4e6)) for _ in range(2))
        (admitted if admit(now) else refused).append((now - there, now + back))
    return admitted, refused


@pytest.mark.parametrize("seed", range(10))
def test_an_exact_log_is_accepted(seed):
    n = 50 + 40 * seed
    admitted, refused = log_of(exact(n), seed, n)
    assert len(admitted) >= 3 * n
    assert refused
    assert overshoots(admitted, n, W) == []
    assert needless(admitted, refused, n, W + QUANTUM) == []


@pytest.mark.parametrize("seed", range(10))
def test_one_request_too_many(seed):
    n = 50 + 40 * seed
    admitted, _ = log_of(exact(n), seed, n, seconds=1)
    # the burst that fills the limit, and one more right behind it
    admitted = sorted(admitted)[:n]
    last = max(got for _, got in admitted)
    assert overshoots(admitted, n, W) == []
    assert overshoots(admitted + [(last, last + 1)], n, W) \
        == [(admitted[0][0], n + 1)]


@pytest.mark.parametrize("seed", range(10))
def test_one_request_too_few(seed):
    n = 50 + 40 * seed
    admitted, refused = log_of(exact(n), seed, n)
    del admitted[n // 2]
    assert needless(admitted, refused, n, W + QUANTUM) != []


def test_the_edges_of_an_interval():
    inside = [(0, 1), (W - 2, W - 1)]
    assert overshoots(inside, 1, W) == [(0, 2)]
    # exactly a window from the first's beginning to the second's end
    assert overshoots([(0, 1), (W - 2, W)], 1, W) == []
    # the first might have been admitted before it
    assert overshoots([(0, 2 * W), (W, W + 1)], 1, W) == []
    assert overshoots([(5, 6), (5, 6)], 1, W) == [(5, 2), (5, 2)]
    assert overshoots([], 1, W) == []


def test_an_answer_that_took_long_does_not_hide_others():
    slow = [(0, 5 * W)]
    assert overshoots(slow + [(W, W + 1), (W + 2, W + 3)], 1, W) \
        == [(W, 2)]
    assert overshoots(slow + [(W, W + 1)], 1, W) == []


@pytest.mark.parametrize("seed", range(5))
def test_a_window_that_does_not_slide(seed):
    admitted, _ = log_of(fixed(200), seed, 200)
    assert overshoots(admitted, 200, W) != []


@pytest.mark.parametrize("workers", [2, 4])
def test_workers_that_do_not_share(workers):
    admitted, refused = log_of(divided(200, workers), workers, 200)
    assert overshoots(admitted, 200, W) != []
    # a share of the limit for each instead is exact at best, and refuses
    # some that should have come in
    admitted, refused = log_of(divided(200 // workers, workers), workers, 200)
    assert overshoots(admitted, 200, W) == []
    assert needless(admitted, refused, 200, W + QUANTUM) != []


def test_compared_with_counting_one_by_one():
    rng = random.Random(7)
    for _ in range(200):
        log = []
        for _ in range(rng.randrange(1, 40)):
            sent = rng.randrange(30)
            log.append((sent, sent + rng.randrange(12)))
        n = rng.randrange(1, 8)
        expected = []
        for begin in sorted(s for s, _ in log):
            inside = sum(s >= begin and g < begin + 10 for s, g in log)
            if inside > n:
                expected.append((begin, inside))
        assert overshoots(log, n, 10) == expected
        asked = [(s, s + rng.randrange(5)) for s, _ in log]
        lonely = []
        for begin, end in sorted(asked):
            near = sum(g >= begin - 12 and s <= end for s, g in log)
            if near < n:
                lonely.append((begin, near))
        assert needless(log, asked, n, 12) == lonely
