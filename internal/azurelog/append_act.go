package azurelog

import "strings"

// act writes a record of the activity log.
func (w *writer) act(f *Fragment) {
	w.head(f, f.Act.Target, strings.ToUpper(f.Act.Operation))
	w.text("category", "Administrative")
	result, signature := "Success", "Succeeded."
	if !f.Act.Succeeded {
		result, signature = "Failure", "Failed."
	}
	w.text("resultType", result)
	w.text("resultSignature", signature)
	w.text("durationMs", "0")
	w.key("identity")
	w.open()
	w.key("authorization")
	w.open()
	w.text("scope", f.Act.Target)
	w.text("action", f.Act.Operation)
	w.close()
	w.key("claims")
	w.open()
	w.some("http://schemas.microsoft.com/identity/claims/objectidentifier", f.Act.Actor.ObjectID)
	w.some("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn", f.Act.Actor.Name)
	w.some("appid", f.Act.Actor.AppID)
	w.close()
	w.close()
	w.text("level", "Information")
	w.close()
}
