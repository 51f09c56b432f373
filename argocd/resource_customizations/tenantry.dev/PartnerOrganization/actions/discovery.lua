local suspended = obj.spec.suspended == true

return {
  ["suspend"] = {
    ["displayName"] = "Suspend: all access off, nothing deleted",
    ["iconClass"] = "fa fa-fw fa-pause",
    ["disabled"] = suspended,
  },
  ["resume"] = {
    ["displayName"] = "Resume",
    ["iconClass"] = "fa fa-fw fa-play",
    ["disabled"] = not suspended,
  },
}
