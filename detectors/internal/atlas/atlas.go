// Package atlas knows about where countries are, and which of them a principal is near.
package atlas

import (
	"math"

	"github.com/keywarden/keywarden/detectors"
)

// nextDoor is how far apart neighbours may be, in km, by Distance.
const nextDoor = 300

// large is the reach from which on Distance does not tell who is next to a country, in km.
const large = 1000

// beside are the neighbours of large countries between which people and programs go to and fro.
var beside = map[[2]detectors.Country]bool{
	{{'C', 'A'}, {'U', 'S'}}: true,
	{{'M', 'X'}, {'U', 'S'}}: true,
	{{'A', 'U'}, {'N', 'Z'}}: true,
	{{'A', 'R'}, {'B', 'R'}}: true,
	{{'C', 'N'}, {'H', 'K'}}: true,
}

// centre is about where the middle of a country is, in degrees, and how far from it its people may be, in km.
type centre struct{ north, east, reach float64 }

// Distance is how far two countries are apart at least, in km, from their
// middles less their reaches; 0 where they are near or one of them is unknown.
func Distance(a, b detectors.Country) float64 {
	from, known := centres[a]
	to, too := centres[b]
	if !known || !too || a == b {
		return 0
	}
	return math.Max(0, earth(from, to)-from.reach-to.reach)
}

// Neighbour reports whether c is next to a country that the principal has been
// called from for a day at t.
func Neighbour(p *detectors.Profile, c detectors.Country, t detectors.Time) bool {
	for _, e := range p.Countries.All() {
		if Adjacent(e.Key, c) && p.Countries.Known(e.Key, t, detectors.Day) {
			return true
		}
	}
	return false
}

// Adjacent reports whether two countries are next to one another. A country is
// not next to itself, and one that the atlas does not have is next to none.
func Adjacent(a, b detectors.Country) bool {
	if beside[[2]detectors.Country{a, b}] || beside[[2]detectors.Country{b, a}] {
		return true
	}
	from, known := centres[a]
	to, too := centres[b]
	return known && too && a != b && from.reach < large && to.reach < large && Distance(a, b) <= nextDoor
}

// earth is the length of the great circle between two points, in km, by the haversine formula.
func earth(a, b centre) float64 {
	const radius, degree = 6371, math.Pi / 180
	north, east := (b.north-a.north)*degree/2, (b.east-a.east)*degree/2
	h := math.Sin(north)*math.Sin(north) + math.Cos(a.north*degree)*math.Cos(b.north*degree)*math.Sin(east)*math.Sin(east)
	return 2 * radius * math.Asin(math.Sqrt(math.Min(1, h)))
}

// centres are by eye from an atlas, to a degree or so: no detector depends on more.
var centres = map[detectors.Country]centre{
	{'A', 'D'}: {42.5, 1.5, 400},
	{'A', 'E'}: {24, 54, 400},
	{'A', 'F'}: {33, 65, 400},
	{'A', 'L'}: {41, 20, 400},
	{'A', 'M'}: {40, 45, 400},
	{'A', 'O'}: {-12, 18, 400},
	{'A', 'R'}: {-34, -64, 1500},
	{'A', 'T'}: {47.5, 14.5, 400},
	{'A', 'U'}: {-27, 133, 1900},
	{'A', 'Z'}: {40.5, 47.5, 400},
	{'B', 'A'}: {44, 18, 400},
	{'B', 'D'}: {24, 90, 400},
	{'B', 'E'}: {50.8, 4.5, 400},
	{'B', 'F'}: {13, -2, 400},
	{'B', 'G'}: {43, 25, 400},
	{'B', 'H'}: {26, 50.5, 400},
	{'B', 'I'}: {-3.5, 30, 400},
	{'B', 'J'}: {9.5, 2.3, 400},
	{'B', 'N'}: {4.5, 114.7, 400},
	{'B', 'O'}: {-17, -65, 400},
	{'B', 'R'}: {-10, -55, 2000},
	{'B', 'S'}: {24, -76, 400},
	{'B', 'T'}: {27.5, 90.5, 400},
	{'B', 'W'}: {-22, 24, 400},
	{'B', 'Y'}: {53, 28, 400},
	{'B', 'Z'}: {17, -88.7, 400},
	{'C', 'A'}: {60, -95, 2500},
	{'C', 'D'}: {-3, 23, 1000},
	{'C', 'F'}: {7, 21, 400},
	{'C', 'G'}: {-1, 15, 400},
	{'C', 'H'}: {47, 8, 400},
	{'C', 'I'}: {8, -5, 400},
	{'C', 'L'}: {-30, -71, 1800},
	{'C', 'M'}: {6, 12, 400},
	{'C', 'N'}: {35, 105, 2000},
	{'C', 'O'}: {4, -72, 400},
	{'C', 'R'}: {10, -84, 400},
	{'C', 'U'}: {22, -80, 400},
	{'C', 'Y'}: {35, 33, 400},
	{'C', 'Z'}: {49.8, 15.5, 400},
	{'D', 'E'}: {51, 9, 400},
	{'D', 'J'}: {11.5, 43, 400},
	{'D', 'K'}: {56, 10, 400},
	{'D', 'O'}: {19, -70.7, 400},
	{'D', 'Z'}: {28, 3, 1000},
	{'E', 'C'}: {-2, -77.5, 400},
	{'E', 'E'}: {59, 26, 400},
	{'E', 'G'}: {27, 30, 400},
	{'E', 'S'}: {40, -4, 400},
	{'E', 'T'}: {8, 38, 400},
	{'F', 'I'}: {64, 26, 400},
	{'F', 'J'}: {-18, 178, 400},
	{'F', 'R'}: {46.5, 2.5, 400},
	{'G', 'A'}: {-1, 11.8, 400},
	{'G', 'B'}: {54, -2, 400},
	{'G', 'E'}: {42, 43.5, 400},
	{'G', 'H'}: {8, -2, 400},
	{'G', 'M'}: {13.5, -15.5, 400},
	{'G', 'N'}: {11, -10, 400},
	{'G', 'R'}: {39, 22, 400},
	{'G', 'T'}: {15.5, -90.3, 400},
	{'G', 'Y'}: {5, -59, 400},
	{'H', 'K'}: {22.3, 114.2, 400},
	{'H', 'N'}: {15, -86.5, 400},
	{'H', 'R'}: {45.2, 15.5, 400},
	{'H', 'T'}: {19, -72.4, 400},
	{'H', 'U'}: {47, 20, 400},
	{'I', 'D'}: {-5, 120, 1900},
	{'I', 'E'}: {53, -8, 400},
	{'I', 'L'}: {31.5, 34.8, 400},
	{'I', 'N'}: {20, 77, 1400},
	{'I', 'Q'}: {33, 44, 400},
	{'I', 'R'}: {32, 53, 900},
	{'I', 'S'}: {65, -18, 400},
	{'I', 'T'}: {42.8, 12.8, 400},
	{'J', 'M'}: {18.3, -77.5, 400},
	{'J', 'O'}: {31, 36, 400},
	{'J', 'P'}: {36, 138, 1000},
	{'K', 'E'}: {1, 38, 400},
	{'K', 'G'}: {41, 75, 400},
	{'K', 'H'}: {13, 105, 400},
	{'K', 'R'}: {37, 127.5, 400},
	{'K', 'W'}: {29.3, 47.7, 400},
	{'K', 'Z'}: {48, 68, 1300},
	{'L', 'A'}: {18, 105, 400},
	{'L', 'B'}: {33.8, 35.8, 400},
	{'L', 'K'}: {7, 81, 400},
	{'L', 'R'}: {6.5, -9.5, 400},
	{'L', 'S'}: {-29.5, 28.5, 400},
	{'L', 'T'}: {56, 24, 400},
	{'L', 'U'}: {49.8, 6.2, 400},
	{'L', 'V'}: {57, 25, 400},
	{'L', 'Y'}: {25, 17, 400},
	{'M', 'A'}: {32, -5, 400},
	{'M', 'C'}: {43.7, 7.4, 400},
	{'M', 'D'}: {47, 29, 400},
	{'M', 'E'}: {42.5, 19.3, 400},
	{'M', 'G'}: {-20, 47, 400},
	{'M', 'K'}: {41.8, 22, 400},
	{'M', 'L'}: {17, -4, 400},
	{'M', 'M'}: {22, 98, 400},
	{'M', 'N'}: {46, 105, 400},
	{'M', 'O'}: {22.2, 113.6, 400},
	{'M', 'R'}: {20, -12, 400},
	{'M', 'T'}: {35.8, 14.6, 400},
	{'M', 'U'}: {-20.3, 57.6, 400},
	{'M', 'V'}: {3.2, 73, 400},
	{'M', 'W'}: {-13.5, 34, 400},
	{'M', 'X'}: {23, -102, 1300},
	{'M', 'Y'}: {2.5, 112.5, 400},
	{'M', 'Z'}: {-18.3, 35, 400},
	{'N', 'A'}: {-22, 17, 400},
	{'N', 'E'}: {16, 8, 400},
	{'N', 'G'}: {10, 8, 400},
	{'N', 'I'}: {13, -85, 400},
	{'N', 'L'}: {52.5, 5.8, 400},
	{'N', 'O'}: {62, 10, 800},
	{'N', 'P'}: {28, 84, 400},
	{'N', 'Z'}: {-41, 174, 400},
	{'O', 'M'}: {21, 57, 400},
	{'P', 'A'}: {9, -80, 400},
	{'P', 'E'}: {-10, -76, 400},
	{'P', 'G'}: {-6, 147, 400},
	{'P', 'H'}: {13, 122, 400},
	{'P', 'K'}: {30, 70, 400},
	{'P', 'L'}: {52, 20, 400},
	{'P', 'R'}: {18.3, -66.5, 400},
	{'P', 'S'}: {32, 35.3, 400},
	{'P', 'T'}: {39.5, -8, 400},
	{'P', 'Y'}: {-23, -58, 400},
	{'Q', 'A'}: {25.5, 51.3, 400},
	{'R', 'E'}: {-21.1, 55.6, 400},
	{'R', 'O'}: {46, 25, 400},
	{'R', 'S'}: {44, 21, 400},
	{'R', 'U'}: {60, 60, 3200},
	{'R', 'W'}: {-2, 30, 400},
	{'S', 'A'}: {25, 45, 900},
	{'S', 'C'}: {-4.6, 55.7, 400},
	{'S', 'D'}: {15, 30, 400},
	{'S', 'E'}: {62, 15, 700},
	{'S', 'G'}: {1.4, 103.8, 400},
	{'S', 'I'}: {46.1, 14.8, 400},
	{'S', 'K'}: {48.7, 19.5, 400},
	{'S', 'L'}: {8.5, -11.5, 400},
	{'S', 'N'}: {14, -14, 400},
	{'S', 'O'}: {6, 48, 400},
	{'S', 'R'}: {4, -56, 400},
	{'S', 'V'}: {13.8, -88.9, 400},
	{'S', 'Y'}: {35, 38, 400},
	{'T', 'G'}: {8, 1.2, 400},
	{'T', 'H'}: {15, 100, 400},
	{'T', 'J'}: {39, 71, 400},
	{'T', 'M'}: {40, 60, 400},
	{'T', 'N'}: {34, 9, 400},
	{'T', 'R'}: {39, 35, 400},
	{'T', 'T'}: {11, -61, 400},
	{'T', 'W'}: {23.5, 121, 400},
	{'T', 'Z'}: {-6, 35, 400},
	{'U', 'A'}: {49, 32, 400},
	{'U', 'G'}: {1, 32, 400},
	{'U', 'S'}: {39, -98, 2300},
	{'U', 'Y'}: {-33, -56, 400},
	{'U', 'Z'}: {41, 64, 400},
	{'V', 'E'}: {8, -66, 400},
	{'V', 'N'}: {16, 107, 400},
	{'X', 'K'}: {42.6, 21, 400},
	{'Y', 'E'}: {15, 48, 400},
	{'Z', 'A'}: {-29, 24, 800},
	{'Z', 'M'}: {-15, 30, 400},
	{'Z', 'W'}: {-20, 30, 400},
}
