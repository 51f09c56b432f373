local access = obj.spec.access or {}
-- Managed access is continuous: the API server refuses to switch it off here.
local managed = obj.spec.relationship == "Managed"

return {
  ["disable-access"] = {
    ["displayName"] = "Disable access",
    ["iconClass"] = "fa fa-fw fa-ban",
    ["disabled"] = managed or access.mode == "Disabled",
  },
}
