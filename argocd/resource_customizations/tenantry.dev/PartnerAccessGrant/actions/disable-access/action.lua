local access = obj.spec.access or {}
access.mode = "Disabled"
-- They belong to mode Period.
access.notBefore = nil
access.notAfter = nil
obj.spec.access = access
return obj
