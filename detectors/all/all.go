// Package all is the list of detectors: who judges is written here, one line
// each, and nowhere else. A test compares it with the folders.
package all

import (
	"github.com/keywarden/keywarden/detectors"
	accessgranted "github.com/keywarden/keywarden/detectors/access-granted"
	anonymousnetwork "github.com/keywarden/keywarden/detectors/anonymous-network"
	clientchange "github.com/keywarden/keywarden/detectors/client-change"
	contentfilterpressure "github.com/keywarden/keywarden/detectors/content-filter-pressure"
	decoykey "github.com/keywarden/keywarden/detectors/decoy-key"
	deploymentcreated "github.com/keywarden/keywarden/detectors/deployment-created"
	deploymentguessing "github.com/keywarden/keywarden/detectors/deployment-guessing"
	dormantawakening "github.com/keywarden/keywarden/detectors/dormant-awakening"
	filterweakened "github.com/keywarden/keywarden/detectors/filter-weakened"
	imageburst "github.com/keywarden/keywarden/detectors/image-burst"
	impossibletravel "github.com/keywarden/keywarden/detectors/impossible-travel"
	keyauthappears "github.com/keywarden/keywarden/detectors/key-auth-appears"
	keycheck "github.com/keywarden/keywarden/detectors/key-check"
	keylisted "github.com/keywarden/keywarden/detectors/key-listed"
	listedthenused "github.com/keywarden/keywarden/detectors/listed-then-used"
	localauthenabled "github.com/keywarden/keywarden/detectors/local-auth-enabled"
	loggingcut "github.com/keywarden/keywarden/detectors/logging-cut"
	modelenumeration "github.com/keywarden/keywarden/detectors/model-enumeration"
	newcountry "github.com/keywarden/keywarden/detectors/new-country"
	newnetwork "github.com/keywarden/keywarden/detectors/new-network"
	operationshift "github.com/keywarden/keywarden/detectors/operation-shift"
	"github.com/keywarden/keywarden/detectors/operator"
	"github.com/keywarden/keywarden/detectors/resale"
	residentialnetwork "github.com/keywarden/keywarden/detectors/residential-network"
	roundtheclock "github.com/keywarden/keywarden/detectors/round-the-clock"
	"github.com/keywarden/keywarden/detectors/saturation"
	"github.com/keywarden/keywarden/detectors/silence"
	tokendrain "github.com/keywarden/keywarden/detectors/token-drain"
	volumesurge "github.com/keywarden/keywarden/detectors/volume-surge"
	"github.com/keywarden/keywarden/detectors/watchlist"
)

// Detectors are all detectors, in the order of their packages.
func Detectors() []*detectors.Detector {
	return []*detectors.Detector{
		accessgranted.Detector,
		anonymousnetwork.Detector,
		clientchange.Detector,
		contentfilterpressure.Detector,
		decoykey.Detector,
		deploymentcreated.Detector,
		deploymentguessing.Detector,
		dormantawakening.Detector,
		filterweakened.Detector,
		imageburst.Detector,
		impossibletravel.Detector,
		keyauthappears.Detector,
		keycheck.Detector,
		keylisted.Detector,
		listedthenused.Detector,
		localauthenabled.Detector,
		loggingcut.Detector,
		modelenumeration.Detector,
		newcountry.Detector,
		newnetwork.Detector,
		operationshift.Detector,
		operator.Detector,
		resale.Detector,
		residentialnetwork.Detector,
		roundtheclock.Detector,
		saturation.Detector,
		silence.Detector,
		tokendrain.Detector,
		volumesurge.Detector,
		watchlist.Detector,
	}
}
