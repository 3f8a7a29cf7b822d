/*
 * hx_fleet_usage_script.c -- the scripts of hx_fleet_usage.h.  The test of that
 * name holds their SHA-1 against the text and says the right one; it also makes
 * the number of heads that are kept a small one, so KEEP stays as it is.
 *
 * KEYS of both: usage, order, heads.
 *
 * Whole, the hash and the order have as many rows, and there is a head just
 * when there are rows: a push never removes the last one.  A place is known
 * when it is among the heads of what is whole.
 *
 * A head is removed when it is not one of the newest and no row is left of its
 * push.  So there is a head to each row, which is where a page of a pull ends.
 */

#include "hx_fleet_usage.h"

#define HX_FLEET_USAGE_LUA                                                    \
    "local H, O, D = KEYS[1], KEYS[2], KEYS[3]\n"                             \
    "local ZERO = '" HX_EPOCH_ZERO "'\n"                                      \
    "local function head()\n"                                                 \
    "  local e = redis.call('ZRANGE', D, -1, -1)[1] or ZERO\n"                \
    "  local n = tonumber(string.match(e, '^(%d+)%-[0-9a-f]+$'))\n"           \
    "  local h = redis.call('HLEN', H)\n"                                     \
    "  if n and n < 9007199254740991 and redis.call('ZCARD', O) == h\n"       \
    "     and (n > 0) == (h > 0) then\n"                                      \
    "    return n, n > 0 and e or ZERO\n"                                     \
    "  end\n"                                                                 \
    "end\n"                                                                   \
    "local function known(n, e)\n"                                            \
    "  return e == ZERO or (n and redis.call('ZSCORE', D, e))\n"              \
    "end\n"


/*
 * ARGV: token, cutoff, pushed; then of each row: key, total, value.
 *
 * A script that fails half way is not undone: what can fail comes before the
 * first write.
 *
 * Old rows are looked for among those that were not changed for longest.  One
 * that was sent late stays until what is before it is old, too.
 */

const char  hx_fleet_usage_push_script[] =
    HX_FLEET_USAGE_LUA
    "local KEEP = 10000\n"
    "local token, cutoff = ARGV[1], ARGV[2]\n"
    "local function int(x)\n"
    "  return string.format('%.0f', x)\n"
    "end\n"
    "for i, want in ipairs({'hash', 'zset', 'zset'}) do\n"
    "  local t = redis.call('TYPE', KEYS[i])['ok']\n"
    "  if t ~= want and t ~= 'none' then\n"
    "    return redis.error_reply('WRONGTYPE ' .. KEYS[i] .. ' is no ' .. "
    "want)\n"
    "  end\n"
    "end\n"
    "local n, e = head()\n"
    "if not known(n, ARGV[3]) then return {2} end\n"

    /* another history, of what there is: pushes by this token */
    "if not n then\n"
    "  redis.call('DEL', O, D)\n"
    "  n, e = 0, ZERO\n"
    "  for i, k in ipairs(redis.call('HKEYS', H)) do\n"
    "    if i % 16 == 1 then\n"
    "      n = n + 1\n"
    "      e = int(n) .. '-' .. token\n"
    "      redis.call('ZADD', D, int(n), e)\n"
    "    end\n"
    "    redis.call('ZADD', O, int(n), k)\n"
    "  end\n"
    "end\n"

    "local stored, skipped, left = 0, 0, {}\n"
    "local new = int(n + 1)\n"
    "for i = 4, #ARGV, 3 do\n"
    "  local k, total = ARGV[i], ARGV[i + 1]\n"
    "  local have = redis.call('HGET', H, k)\n"
    "  have = have and tonumber(string.match(have, '^(%d+) '))\n"
    "  if string.sub(k, 1, 6) < cutoff\n"
    "     or (have and have >= tonumber(total)) then\n"
    "    skipped = skipped + 1\n"
    "  else\n"
    "    stored = stored + 1\n"
    "    left[#left + 1] = redis.call('ZSCORE', O, k)\n"
    "    redis.call('HSET', H, k, total .. ' ' .. ARGV[i + 2])\n"
    "    redis.call('ZADD', O, new, k)\n"
    "  end\n"
    "end\n"
    "if stored > 0 then\n"
    "  n, e = n + 1, new .. '-' .. token\n"
    "  redis.call('ZADD', D, new, e)\n"
    "  left[#left + 1] = n - KEEP\n"
    "end\n"

    "local many = (#ARGV - 3) / 3 * 2 + 16\n"
    "many = math.min(many, redis.call('ZCARD', O) - 1)\n"
    "if many > 0 then\n"
    "  local low = redis.call('ZRANGE', O, 0, many - 1, 'WITHSCORES')\n"
    "  for i = 1, #low, 2 do\n"
    "    if string.sub(low[i], 1, 6) < cutoff then\n"
    "      redis.call('HDEL', H, low[i])\n"
    "      redis.call('ZREM', O, low[i])\n"
    "      left[#left + 1] = low[i + 1]\n"
    "    end\n"
    "  end\n"
    "end\n"
    "for _, s in ipairs(left) do\n"
    "  s = tonumber(s)\n"
    "  if s and s > 0 and s <= n - KEEP\n"
    "     and redis.call('ZCOUNT', O, int(s), int(s)) == 0 then\n"
    "    redis.call('ZREMRANGEBYSCORE', D, int(s), int(s))\n"
    "  end\n"
    "end\n"
    "return {0, e, stored, skipped}\n";

const char  hx_fleet_usage_push_sha1[HX_FLEET_SHA1 + 1] =
    "c8a6d0a0bdd241077e4763d8bf2566731993d3cb";


/*
 * ARGV: cursor, pushed, rows to look at, bytes after which a page ends.
 *
 * Of as many rows as were asked for the last push may not be all: it is left to
 * the next page.
 */

const char  hx_fleet_usage_pull_script[] =
    HX_FLEET_USAGE_LUA
    "local n, e = head()\n"
    "if not (known(n, ARGV[1]) and known(n, ARGV[2])) then return {2} end\n"
    "if not n then return {0, ZERO, ZERO} end\n"
    "if ARGV[1] == e then return {0, e, e} end\n"
    "local count, max = tonumber(ARGV[3]), tonumber(ARGV[4])\n"
    "local from = '(' .. string.match(ARGV[1], '^%d+')\n"
    "local list = redis.call('ZRANGEBYSCORE', O, from, '+inf', 'WITHSCORES',\n"
    "                        'LIMIT', 0, count)\n"
    "local keys, rows, bytes = {}, {}, 0\n"
    "local all, to, whole = #list < 2 * count, nil, 0\n"
    "for i = 1, #list, 2 do keys[#keys + 1] = list[i] end\n"
    "local values = keys[1] and redis.call('HMGET', H, unpack(keys))\n"
    "for i, k in ipairs(keys) do\n"
    "  local s, after = list[2 * i], list[2 * i + 2]\n"
    "  if values[i] then\n"
    "    rows[#rows + 1] = k\n"
    "    rows[#rows + 1] = values[i]\n"
    "    bytes = bytes + #k + #values[i]\n"
    "  end\n"
    "  if s ~= after and (after or all) then\n"
    "    to, whole = s, #rows\n"
    "    if after and bytes > max then\n"
    "      all = false\n"
    "      break\n"
    "    end\n"
    "  end\n"
    "end\n"
    "for i = #rows, whole + 1, -1 do rows[i] = nil end\n"
    "if all then return {1, e, e, rows} end\n"
    "to = to and redis.call('ZRANGEBYSCORE', D, to, to)[1]\n"
    "if not to then\n"
    "  return redis.error_reply('BROKEN ' .. D .. ' lacks a push: delete it')\n"
    "end\n"
    "return {1, e, to, rows}\n";

const char  hx_fleet_usage_pull_sha1[HX_FLEET_SHA1 + 1] =
    "2389935262a3c9dbc33ef2db365e6feb676c34fa";
