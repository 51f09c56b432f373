local function health(status, message)
  return { status = status, message = message }
end

if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return health("Progressing", "Tenantry has not looked at this version yet")
end

for _, condition in ipairs(obj.status.conditions or {}) do
  if condition.type == "Ready" then
    if condition.status == "True" then
      return health("Healthy", condition.message)
    end
    return health("Progressing", condition.message)
  end
end

return health("Progressing", "Tenantry has said nothing about this yet")
