-- For wrk: posts bodies that all differ. Each run of "@" in a template becomes as many last digits of the request's
-- number.
-- arguments: FILE FIRST [PAUSE]
--   the templates, a form feed between two; the first number; how long a connection rests between two posts (mean, ms)
local threads, templates = {}, {}
local number, turn = 0, 0

sent_posts, sent_events = 0, 0 -- globals, for they are read from outside of the thread

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  number = tonumber(args[2])
  for body in io.open(args[1]):read("*a"):gmatch("[^\f]+") do
    local parts = {}
    local lengths = {}
    for part, run in (wrk.format("POST", nil, nil, body)):gmatch("([^@]*)(@*)") do
      if #part + #run > 0 then
        table.insert(parts, part)
        table.insert(parts, run)
        lengths[#parts] = #run
      end
    end
    table.insert(templates, {parts = parts, lengths = lengths, events = select(2, body:gsub("timestamp", ""))})
  end
  if args[3] then
    local mean = tonumber(args[3])
    math.randomseed(number)
    function delay()
      return math.floor(-mean * math.log(1 - math.random()) + 0.5)
    end
  end
end

function request()
  number = number + 1
  turn = turn % #templates + 1
  local template = templates[turn]
  local digits = string.format("%010d", number)
  for index, length in pairs(template.lengths) do
    template.parts[index] = length > 0 and digits:sub(-length) or ""
  end
  sent_posts = sent_posts + 1
  sent_events = sent_events + template.events
  return table.concat(template.parts)
end

function done(summary, latency)
  local posts, events = 0, 0
  for _, thread in ipairs(threads) do
    posts = posts + thread:get("sent_posts")
    events = events + thread:get("sent_events")
  end
  local errors = summary.errors
  io.write(string.format(
    '{"seconds": %f, "posts": %d, "failed": %d, "sent_posts": %d, "sent_events": %d, "p50": %f, "p99": %f}\n',
    summary.duration / 1e6, summary.requests,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    posts, events, latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
