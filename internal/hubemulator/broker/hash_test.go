package broker

import "testing"

// The hashes are those that the service's SDKs test themselves by.
func TestKeyHash(t *testing.T) {
	for key, want := range map[string]int16{
		"7":                    -15263,
		"131":                  30562,
		"7149583486996073602":  12977,
		"FWfAT":                -22341,
		"sOdeEAsyQoEuEFPGerWO": -6503,
		"FAyAIctPeCgmiwLKbJcyswoHglHVjQdvtBowLACDNORsYvOcLddNJYDmhAVkbyLOrHTKLneMNcbgWVlasVywOByANjs": 5226,
	} {
		if got := keyHash(key); got != want {
			t.Errorf("%q: %d, want %d", key, got, want)
		}
	}
}

func TestPartitionOfIsAPartition(t *testing.T) {
	seen := map[int]bool{}
	for i := range 200 {
		partition := PartitionOf(string(rune('a'+i%26))+string(rune('a'+i/26)), 7)
		if partition < 0 || partition > 6 {
			t.Fatalf("partition %d of 7", partition)
		}
		seen[partition] = true
	}
	if len(seen) != 7 {
		t.Errorf("only %v are used", seen)
	}
}
