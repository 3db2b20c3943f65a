package amqp

// Conditions of errors: AMQP's own (part 2, section 2.8.15 and following) and
// those of Azure.
const (
	ConditionInternal         Symbol = "amqp:internal-error"
	ConditionNotFound         Symbol = "amqp:not-found"
	ConditionUnauthorized     Symbol = "amqp:unauthorized-access"
	ConditionDecode           Symbol = "amqp:decode-error"
	ConditionResourceLimit    Symbol = "amqp:resource-limit-exceeded"
	ConditionNotAllowed       Symbol = "amqp:not-allowed"
	ConditionInvalidField     Symbol = "amqp:invalid-field"
	ConditionNotImplemented   Symbol = "amqp:not-implemented"
	ConditionIllegalState     Symbol = "amqp:illegal-state"
	ConditionConnectionForced Symbol = "amqp:connection:forced"
	ConditionFraming          Symbol = "amqp:connection:framing-error"
	ConditionHandleInUse      Symbol = "amqp:session:handle-in-use"
	ConditionUnattached       Symbol = "amqp:session:unattached-handle"
	ConditionDetachForced     Symbol = "amqp:link:detach-forced"
	ConditionMessageSize      Symbol = "amqp:link:message-size-exceeded"
	ConditionStolen           Symbol = "amqp:link:stolen"
	ConditionServerBusy       Symbol = "com.microsoft:server-busy"
	ConditionArgument         Symbol = "com.microsoft:argument-error"
	ConditionOutOfRange       Symbol = "com.microsoft:argument-out-of-range"
	ConditionGeoOffset        Symbol = "com.microsoft:georeplication:invalid-offset"
)
