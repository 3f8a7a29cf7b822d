"""The table of figures."""

from figures import table


def test_table():
    assert table(["a\t1.00 ms\t<= 2\n", "much longer\t12.00 ms\t\n",
                  "a\t3.00 ms\t<= 2\n"]) == [
        "figure       measured  target",
        "a             3.00 ms  <= 2",
        "much longer  12.00 ms"]
