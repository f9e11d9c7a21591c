-- Request shapes for wrk and a report in JSON. The shape comes in the environment: wrk builds a request that never
-- changes once per thread, so that the client costs as little as it can.

local function shape(name, default)
  local value = os.getenv("BENCH_" .. name)
  if value == nil or value == "" then
    return default
  end
  return value
end

-- What a browser sends besides Host, cut to the number of fields that is asked for.
local browser = {
  {"User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"},
  {"Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
  {"Accept-Language", "en-US,en;q=0.5"},
  {"Accept-Encoding", "gzip, deflate, br, zstd"},
  {"Cookie", "session=abcdef0123456789; theme=dark"},
  {"Upgrade-Insecure-Requests", "1"},
  {"Sec-Fetch-Dest", "document"},
  {"Sec-Fetch-Mode", "navigate"},
  {"Sec-Fetch-Site", "none"},
  {"Cache-Control", "max-age=0"},
  {"X-Request-Id", "7d0f9c1e-3b0e-4a55-9d53-0c8f5a0e9d11"},
}

wrk.method = shape("METHOD", "GET")

for i = 1, math.min(tonumber(shape("FIELDS", "1")) - 1, #browser) do
  wrk.headers[browser[i][1]] = browser[i][2]
end

if shape("CLOSE", "0") == "1" then
  wrk.headers["Connection"] = "close"
end

local length = tonumber(shape("BODY", "0"))
if length > 0 then
  wrk.body = string.rep("b", length)
end

-- wrk formats its request once per thread and counts how many requests are in it.
local format = wrk.format
local depth = tonumber(shape("DEPTH", "1"))
wrk.format = function(...)
  return string.rep(format(...), depth)
end

-- Nothing that a server keeps of one request is of use for the next: another path, query and field value each time.
if shape("UNIQUE", "0") == "1" then
  local number = 0
  function request()
    number = number + 1
    return string.format("GET /items/%d?page=%d HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Request-Id: %d\r\n\r\n",
      number, number, number)
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\nREPORT {"requests": %d, "seconds": %.6f, "bytes": %d, "p50_ms": %.4f, "p99_ms": %.4f, "p999_ms": %.4f, ' ..
    '"max_ms": %.4f, "errors": %d}\n',
    summary.requests, summary.duration / 1e6, summary.bytes, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, latency:percentile(99.9) / 1e3, latency.max / 1e3,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
