obj.spec.suspended = false
return obj
