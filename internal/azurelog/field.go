package azurelog

import (
	"bytes"
	"strings"
)

// field is a member of a record that is used, wherever it stands.
type field uint8

const (
	fUnknown field = iota // a name that was never seen
	fUnused               // a known name that nobody needs

	// Of the record itself.
	fTime
	fCategory
	fResource
	fOperation
	fSignature
	fResultType
	fDuration
	fCaller
	fCorrelation
	fID
	fMetric

	// Of an AI gateway's own event.
	fGateway
	fSubscription
	fService

	// Of properties.
	fAPI
	fRequestTime
	fResponseTime
	fRequestBytes
	fResponseBytes
	fObject
	fCallerObject
	fStream
	fStreamFlag
	fDeployment
	fModel
	fPrompt
	fCached
	fCompletion
	fOperationID
	fInnerOperation
	fURL
	fBackend
	fResponseCode
	fBackendCode
	fAPIMSubscription
	fResponseBody
	fBackendBody
	fUserAgent

	// Of identity.
	fClaimObject
	fClaimUPN
	fClaimName
	fClaimApp
	fClaimAddress
	fPrincipal

	// Objects that are entered, or JSON strings that hold such an object.
	fProperties
	fHeaders
	fIdentity
	fClaims
	fAuthorization
	fEvidence
	fields
)

// place is an object of a record whose members are known by name.
type place uint8

const (
	inRecord place = iota
	inProperties
	inHeaders
	inIdentity
	inClaims
	inAuthorization
	inEvidence
	places
)

// inside says which place an entered field is.
var inside = [fields]place{
	fProperties: inProperties, fHeaders: inHeaders, fIdentity: inIdentity,
	fClaims: inClaims, fAuthorization: inAuthorization, fEvidence: inEvidence,
}

// shapeNames are the fields whose shape is looked at, as drift names them.
var shapeNames = [fields]string{
	fDuration: "durationMs (shape)", fRequestTime: "requestTime (shape)", fResponseTime: "responseTime (shape)",
	fRequestBytes: "requestLength (shape)", fResponseBytes: "responseLength (shape)",
	fPrompt: "promptTokens (shape)", fCached: "cachedTokens (shape)", fCompletion: "completionTokens (shape)",
	fProperties: "properties (shape)", fHeaders: "requestHeaders (shape)", fIdentity: "identity (shape)",
	fClaims: "identity.claims (shape)", fAuthorization: "identity.authorization (shape)", fEvidence: "identity.evidence (shape)",
}

// names holds the members known in each place. Of claims, which are URLs, it
// is the part after the last slash.
var names = [places]map[string]field{
	inRecord: known(map[string]field{
		"time": fTime, "timestamp": fTime, "category": fCategory, "resourceId": fResource,
		"operationName": fOperation, "resultSignature": fSignature, "resultType": fResultType,
		"durationMs": fDuration, "callerIpAddress": fCaller, "RequestIp": fCaller,
		"correlationId": fCorrelation, "id": fID, "metricName": fMetric,
		"gatewayName": fGateway, "subscriptionId": fSubscription, "targetService": fService,
		"model": fModel, "deploymentName": fDeployment, "promptTokens": fPrompt, "responseTokens": fCompletion,
		"properties": fProperties, "identity": fIdentity,
	}, `Tenant tenantId event location level Sku DeploymentVersion isRequestSuccess truncated AssetIdentity
		operationVersion resultDescription roleLocation ReleaseVersion uri appId productName endUserId backendId
		totalTokens routeLocation routeName routeUrl deploymentModel cachedTokens eventType
		count total minimum maximum average timeGrain records`),
	inProperties: known(map[string]field{
		"apiName": fAPI, "apiVersion": fAPI, "requestTime": fRequestTime, "responseTime": fResponseTime,
		"requestLength": fRequestBytes, "responseLength": fResponseBytes,
		"requestSize": fRequestBytes, "responseSize": fResponseBytes,
		"objectId": fObject, "callerObjectId": fCallerObject, "streamType": fStream, "isStreamCompletion": fStreamFlag,
		"modelDeploymentName": fDeployment, "deploymentName": fDeployment, "modelName": fModel,
		"promptTokens": fPrompt, "cachedTokens": fCached, "completionTokens": fCompletion, "generatedTokens": fCompletion,
		"operationId": fOperationID, "operationName": fInnerOperation, "url": fURL, "backendUrl": fBackend,
		"responseCode": fResponseCode, "backendResponseCode": fBackendCode, "apimSubscriptionId": fAPIMSubscription,
		"responseBody": fResponseBody, "backendResponseBody": fBackendBody, "requestHeaders": fHeaders,
	}, `modelVersion totalTokens requestId sequenceNumber requestMessages responseMessages
		apiId apiRevision productId userId backendId method backendMethod backendTime clientTime cacheTime clientProtocol
		backendProtocol clientTlsVersion cache lastErrorReason lastErrorMessage lastErrorScope lastErrorSection
		lastErrorSource lastErrorElapsed errors responseHeaders requestBody backendRequestBody backendRequestHeaders
		backendResponseHeaders traceRecords isTraceAllowed isTraceExpired isMasterTrace workspaceId apimSubscriptionName
		clientTlsCipherSuite isError httpMethod`),
	inHeaders: known(map[string]field{"User-Agent": fUserAgent}, ""),
	inIdentity: known(map[string]field{
		"claims": fClaims, "authorization": fAuthorization,
	}, ""),
	inClaims: known(map[string]field{
		"objectidentifier": fClaimObject, "oid": fClaimObject, "upn": fClaimUPN, "name": fClaimName,
		"appid": fClaimApp, "ipaddr": fClaimAddress,
	}, ""),
	inAuthorization: known(map[string]field{"evidence": fEvidence}, ""),
	inEvidence:      known(map[string]field{"principalId": fPrincipal}, ""),
}

// known adds the unused names, and each name in lower case.
func known(used map[string]field, unused string) map[string]field {
	for _, name := range strings.Fields(unused) {
		used[name] = fUnused
	}
	all := make(map[string]field, 2*len(used))
	for name, f := range used {
		all[name], all[strings.ToLower(name)] = f, f
	}
	return all
}

// slot predicts a member by its position in an object.
type slot struct {
	name string
	f    field
}

// maxSlots is how many members of an object are predicted.
const maxSlots = 48

// predicted is the key at b[i], what it is and the index of the byte close
// after it, if it is that of the n-th member of the last object in p; else fUnknown.
func (d *Decoder) predicted(b []byte, i int, close byte, p place, n int) (key []byte, f field, end int) {
	if n >= maxSlots {
		return nil, fUnknown, 0
	}
	s := &d.slots[p][n]
	end = i + len(s.name)
	if end >= len(b) || b[end] != close || string(b[i:end]) != s.name {
		return nil, fUnknown, 0
	}
	return b[i:end], s.f, end
}

// lookup finds what the key of the n-th member of an object in p is, and
// predicts it for the next one. The key has no escapes.
func (d *Decoder) lookup(p place, n int, key []byte) field {
	f := find(p, key)
	if n < maxSlots && f != fUnknown {
		d.slots[p][n] = slot{name: d.names.of(key), f: f}
	}
	return f
}

// find finds what a key in p is.
func find(p place, key []byte) field {
	if p == inClaims {
		key = key[bytes.LastIndexByte(key, '/')+1:]
	}
	if f, ok := names[p][string(key)]; ok {
		return f
	}
	var folded [64]byte
	if len(key) > len(folded) {
		return fUnknown
	}
	return names[p][string(appendLower(folded[:0], key))]
}
