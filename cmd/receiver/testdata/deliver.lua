-- Sends signed bodies that differ in the number at their end, each under a GUID of its own: a
-- UUID of version 1, as GitHub's are, which begins with the low bits of a clock.
local function read(name)
  local file = assert(io.open(os.getenv(name), "rb"))
  local text = file:read("*a")
  file:close()
  return text
end
local body, signatures = read("BODY"), read("SIGNATURES")
local clock, threads = tonumber(os.getenv("CLOCK")), 0

function setup(thread)
  thread:set("id", threads)
  threads = threads + 1
end

function init()
  sent = 0
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["User-Agent"] = "GitHub-Hookshot/0000000"
  wrk.headers["X-GitHub-Event"] = os.getenv("EVENT")
  wrk.headers["X-GitHub-Hook-ID"] = "4711"
  wrk.headers["X-GitHub-Hook-Installation-Target-ID"] = "1296269"
  wrk.headers["X-GitHub-Hook-Installation-Target-Type"] = "repository"
end

function request()
  sent = sent + 1
  -- About what the clock has moved on since the last request of this thread.
  local ticks = clock + sent * 1500 + id
  wrk.headers["X-GitHub-Delivery"] = string.format("%08x-%04x-11f1-81ab-%012x", ticks % 4294967296, math.floor(ticks / 4294967296) % 65536, id)
  local n = (2 * sent + id) % (#signatures / 64)
  wrk.body = string.format('%s,"n":%.0f}', body, clock + n)
  wrk.headers["X-Hub-Signature-256"] = "sha256=" .. signatures:sub(64 * n + 1, 64 * n + 64)
  return wrk.format(nil, "/webhooks/github")
end

local refused = 0
function response(status)
  if status ~= 202 then refused = refused + 1 end
end

function done(summary, latency)
  local bad = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout + summary.errors.status
  io.write(string.format("RESULT %d %d %d %d %d\n", summary.requests, summary.duration, bad, latency:percentile(50), latency:percentile(99)))
end
