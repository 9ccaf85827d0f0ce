-- Posts forged events for wrk: random apps, versions, actions and platforms.
local actions = { "set", "download_fail", "update_fail", "forged" }
local platforms = { "android", "ios", "electron", "windows" }

function request()
  local body = string.format(
    '{"app_id":"com.forged.app%d","action":"%s","platform":"%s","version_name":"%d.0","device_id":"%d","timestamp":%d}',
    math.random(10 ^ math.random(6)), actions[math.random(#actions)] .. (math.random(9) == 1 and math.random(1e9) or ""),
    platforms[math.random(#platforms)], math.random(10 ^ math.random(6)), math.random(2 ^ 31 - 1),
    1794990000000 + math.random(1e9))
  return wrk.format("POST", "/stats", { ["Content-Type"] = "application/json" }, body)
end
