// Runs a script as Argo CD does: one global, `obj`, and of the libraries only base and table. A script
// that calls `string` would pass upstream's own test, and fail in production; here it fails.
import { lauxlib, lua, lualib, to_jsstring, to_luastring } from 'fengari'

type Machine = ReturnType<typeof lauxlib.luaL_newstate>

export function runLua(script: string, object: unknown): unknown {
  const machine = lauxlib.luaL_newstate()
  lauxlib.luaL_requiref(machine, to_luastring('_G'), lualib.luaopen_base, 1)
  lauxlib.luaL_requiref(machine, to_luastring('table'), lualib.luaopen_table, 1)
  push(machine, object)
  lua.lua_setglobal(machine, to_luastring('obj'))
  const code = to_luastring(script)
  const loaded = lauxlib.luaL_loadbuffer(machine, code, code.length, to_luastring('script'))
  if (loaded !== lua.LUA_OK || lua.lua_pcall(machine, 0, 1, 0) !== lua.LUA_OK) {
    throw new Error(to_jsstring(lua.lua_tostring(machine, -1)))
  }
  return read(machine, -1)
}

function push(machine: Machine, value: unknown): void {
  if (typeof value === 'string') return lua.lua_pushstring(machine, to_luastring(value))
  // As from JSON in Go: every number is a float.
  if (typeof value === 'number') return lua.lua_pushnumber(machine, value)
  if (typeof value === 'boolean') return lua.lua_pushboolean(machine, value)
  if (typeof value !== 'object' || value === null) return lua.lua_pushnil(machine)
  lua.lua_createtable(machine, 0, 0)
  for (const [key, inner] of Object.entries(value)) {
    push(machine, Array.isArray(value) ? Number(key) + 1 : key)
    push(machine, inner)
    lua.lua_settable(machine, -3)
  }
}

function read(machine: Machine, at: number): unknown {
  switch (lua.lua_type(machine, at)) {
    case lua.LUA_TSTRING:
      return to_jsstring(lua.lua_tostring(machine, at))
    case lua.LUA_TNUMBER:
      return lua.lua_tonumber(machine, at)
    case lua.LUA_TBOOLEAN:
      return lua.lua_toboolean(machine, at)
    case lua.LUA_TTABLE:
      return readTable(machine, lua.lua_absindex(machine, at))
    default:
      return undefined
  }
}

/** A table that counts from 1 is a list; an empty one may be either, and is none of both. */
function readTable(machine: Machine, at: number): unknown {
  const entries: [key: unknown, value: unknown][] = []
  lua.lua_pushnil(machine)
  while (lua.lua_next(machine, at) !== 0) {
    entries.push([read(machine, -2), read(machine, -1)])
    lua.lua_pop(machine, 1)
  }
  const isList = entries.length > 0 && entries.every(([key], place) => key === place + 1)
  return isList
    ? entries.map(([, value]) => value)
    : Object.fromEntries(entries.map(([key, value]) => [String(key), value]))
}
