// The part of fengari that the harness uses: a Lua machine, its stack, and strings as bytes.
declare module 'fengari' {
  type Machine = { readonly __machine: never }
  type Bytes = Uint8Array
  type Library = (machine: Machine) => number
  export function to_luastring(text: string): Bytes
  export function to_jsstring(bytes: Bytes): string
  export const lua: {
    readonly LUA_OK: number
    readonly LUA_TNIL: number
    readonly LUA_TBOOLEAN: number
    readonly LUA_TNUMBER: number
    readonly LUA_TSTRING: number
    readonly LUA_TTABLE: number
    lua_pcall(machine: Machine, inputs: number, outputs: number, handler: number): number
    lua_pop(machine: Machine, count: number): void
    lua_pushnil(machine: Machine): void
    lua_pushboolean(machine: Machine, value: boolean): void
    lua_pushnumber(machine: Machine, value: number): void
    lua_pushstring(machine: Machine, value: Bytes): void
    lua_createtable(machine: Machine, list: number, fields: number): void
    lua_settable(machine: Machine, at: number): void
    lua_setglobal(machine: Machine, name: Bytes): void
    lua_next(machine: Machine, at: number): number
    lua_type(machine: Machine, at: number): number
    lua_toboolean(machine: Machine, at: number): boolean
    lua_tonumber(machine: Machine, at: number): number
    lua_tostring(machine: Machine, at: number): Bytes
    lua_absindex(machine: Machine, at: number): number
  }
  export const lauxlib: {
    luaL_newstate(): Machine
    luaL_requiref(machine: Machine, name: Bytes, open: Library, global: number): void
    luaL_loadbuffer(machine: Machine, code: Bytes, size: number, name: Bytes): number
  }
  export const lualib: { readonly luaopen_base: Library; readonly luaopen_table: Library }
}
