"""Was a limit of N requests in any interval of W kept?  Judged by what the
client knows alone: for each admitted request an interval in which it must have
been admitted, from before it was sent to after its answer was read.  Knows
nothing of how the gate counts.  All times in nanoseconds of one clock."""


def overshoots(admitted, n, window):
    """Intervals shorter than the window in which more than n requests must
    have been admitted: [(when it begins, how many)], none when the limit was
    kept.  admitted: [(sent, got)].

    A request counts in [s, s + window) only when it lies in there wholly, so
    whoever is accused is guilty.  It is enough to look at intervals that begin
    when a request was sent: one that begins later has no more in it."""
    by_sent = sorted(admitted)
    by_got = sorted(range(len(by_sent)), key=lambda i: by_sent[i][1])
    begun = 0               # by_sent[:begun] were sent before the interval
    ended = 0               # by_got[:ended] were answered before its end
    inside = 0
    counted = [False] * len(by_sent)
    found = []
    for begin, _ in by_sent:
        while by_sent[begun][0] < begin:
            inside -= counted[begun]
            begun += 1
        while ended < len(by_got):
            index = by_got[ended]
            if by_sent[index][1] >= begin + window:
                break
            if index >= begun:
                counted[index] = True
                inside += 1
            ended += 1
        if inside > n:
            found.append((begin, inside))
    return found


def needless(admitted, refused, n, reach):
    """Refusals that nothing excuses: fewer than n requests can have been
    admitted in the time "reach" (window and quantum) before the refusal.
    [(when it was sent, how many)]; admitted, refused: [(sent, got)].

    A request excuses a refusal when the two could have been so close."""
    sent = sorted(s for s, _ in admitted)
    got = sorted(g for _, g in admitted)
    begun = ended = 0
    found = []
    # the number that overlap [begin, end]: sent until "end", less those
    # that were answered before "begin"
    ends = {}
    for end in sorted(g for _, g in refused):
        while begun < len(sent) and sent[begun] <= end:
            begun += 1
        ends[end] = begun
    for begin, end in sorted(refused):
        while ended < len(got) and got[ended] < begin - reach:
            ended += 1
        if ends[end] - ended < n:
            found.append((begin, ends[end] - ended))
    return found
