-- Requests of `python -m benchmarks.intake`, for wrk. The arguments after "--" are the
-- path, the number of alerts in a post, and "unique" or "repeated".

local threads = 0

function setup(thread)
   thread:set("number", threads)
   threads = threads + 1
end

local alert = '{"labels":{"alertname":"HighLatency","service":"checkout",'
   .. '"instance":"%s:9090","severity":"critical","job":"node","region":"ap-1"},'
   .. '"annotations":{"summary":"The 99th percentile is above two seconds",'
   .. '"description":"The service answers slowly for more than ten minutes.",'
   .. '"runbook_url":"https://runbooks.example.org/high-latency"},'
   .. '"generatorURL":"http://prometheus.example.org/graph?g0.expr=up"}'

local path, size, is_unique
local count = 0

local function body()
   local parts = {}
   for place = 1, size do
      local name = "host-" .. place
      if is_unique then
         count = count + 1
         name = string.format("host-%s-%d-%09d", os.getenv("ROUND"), number, count)
      end
      parts[place] = string.format(alert, name)
   end
   return "[" .. table.concat(parts, ",") .. "]"
end

local headers = { ["Content-Type"] = "application/json" }
local same

function init(args)
   path, size, is_unique = args[1], tonumber(args[2]), args[3] == "unique"
   same = wrk.format("POST", path, headers, body())
end

function request()
   if is_unique then
      return wrk.format("POST", path, headers, body())
   end
   return same
end

function done(summary, latency, requests)
   io.write(string.format(
      'RESULT {"requests": %d, "seconds": %f, "refused": %d, "lost": %d,'
         .. ' "p50": %f, "p99": %f}\n',
      summary.requests, summary.duration / 1e6, summary.errors.status,
      summary.errors.connect + summary.errors.read + summary.errors.write
         + summary.errors.timeout,
      latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
