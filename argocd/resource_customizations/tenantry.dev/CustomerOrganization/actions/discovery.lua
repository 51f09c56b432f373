local annotations = obj.metadata.annotations or {}
local confirmed = annotations["tenantry.dev/confirm-delete"] == obj.metadata.name

return {
  ["confirm-delete"] = {
    ["displayName"] = "Confirm the deletion, with nested customers and devices",
    ["iconClass"] = "fa fa-fw fa-trash",
    -- Nothing is confirmed in advance.
    ["disabled"] = obj.metadata.deletionTimestamp == nil or confirmed,
  },
}
