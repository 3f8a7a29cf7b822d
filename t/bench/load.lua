-- wrk's part: cycles through the requests of a file that load.py wrote (each
-- ends with a line "."), and says what came of it in one line.

local requests = {}
local n = 0

function init(args)
    local text = {}

    for line in io.lines(args[1]) do
        if line == "." then
            requests[#requests + 1] = table.concat(text, "\r\n") .. "\r\n\r\n"
            text = {}
        else
            text[#text + 1] = line
        end
    end
end

function request()
    n = n % #requests + 1
    return requests[n]
end

function done(summary, latency, _)
    local e = summary.errors

    io.write(string.format("BENCH %d %d %d %d\n", summary.requests,
        e.status, e.connect + e.read + e.write + e.timeout, summary.duration))
end
