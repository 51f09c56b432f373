if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["tenantry.dev/confirm-delete"] = obj.metadata.name
return obj
