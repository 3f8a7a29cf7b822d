-- wrk's part: cycles through the requests of a file that load.py wrote (each
-- ends with a line "."), and says what came of it in one line.  HX_BENCH_LOAD
-- is "cycle", "stream": the file is read as it is sent, for many requests; or
-- "once": the same, every request once, and the end.

local mode = os.getenv("HX_BENCH_LOAD") or "cycle"
local requests, n = {}, 0
local path, lines, last
local asked, answered, refused, total = 0, 0, 0, nil

local function next_request()
    local text = {}

    for line in lines do
        if line == "." then
            return table.concat(text, "\r\n") .. "\r\n\r\n"
        end

        text[#text + 1] = line
    end

    return nil
end

function init(args)
    path = args[1]
    lines = io.lines(path)

    if mode == "cycle" then
        for text in next_request do
            requests[#requests + 1] = text
        end
    end
end

if mode == "cycle" then
    function request()
        n = n % #requests + 1
        return requests[n]
    end

else
    function request()
        local text = not total and next_request() or nil

        -- the first is asked for twice: wrk looks at it, and sends none
        if not last then
            lines, last = io.lines(path), text
            return text
        end

        if not text and mode == "once" then
            total = total or asked
            return last
        end

        if not text then
            lines = io.lines(path)
            text = next_request()
        end

        asked, last = asked + 1, text

        return text
    end
end

if mode == "once" then
    -- wrk itself would go on to the end of its time
    function response(status)
        answered = answered + 1
        refused = refused + (status ~= 200 and 1 or 0)

        if total and answered >= total then
            io.write(string.format("BENCH %d %d 0 1\n", answered, refused))
            io.flush()
            os.exit(0)
        end
    end
end

function done(summary, latency, _)
    local e = summary.errors

    io.write(string.format("BENCH %d %d %d %d\n", summary.requests,
        e.status, e.connect + e.read + e.write + e.timeout, summary.duration))
end
