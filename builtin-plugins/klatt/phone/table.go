package phone

import "sync"

// All are the sounds of English, which nobody may change. The noises are described by the bands that listeners tell them apart by: high for s, lower
// for sh, even and weak for f and th; where the tongue lets go for the stops, which for k and g is near the second resonance
// of the vowel beside them.
var All = sync.OnceValue(func() []Phone {
	return []Phone{
		{Symbol: "_", Kind: Pause, At: shape(500, 1500, 2500, 100, 100, 150), Typical: 100, Least: 20},

		diphthong("IY", 155, 55, shape(310, 2120, 2960, 50, 200, 350), shape(280, 2220, 3000, 50, 200, 350)),
		vowel("IH", 135, 40, shape(400, 1900, 2570, 55, 110, 160)),
		diphthong("EY", 190, 90, shape(490, 1780, 2520, 70, 100, 200), shape(330, 2120, 2650, 55, 120, 200)),
		vowel("EH", 150, 70, shape(550, 1750, 2500, 60, 90, 200)),
		vowel("AE", 230, 80, shape(680, 1700, 2430, 70, 130, 300)),
		vowel("AA", 240, 100, shape(720, 1150, 2550, 100, 70, 160)),
		vowel("AO", 240, 100, shape(590, 900, 2550, 90, 90, 100)),
		diphthong("OW", 220, 90, shape(520, 980, 2350, 80, 70, 90), shape(400, 800, 2300, 80, 70, 90)),
		vowel("UH", 160, 60, shape(450, 1080, 2350, 80, 100, 90)),
		diphthong("UW", 210, 70, shape(340, 1050, 2250, 65, 110, 140), shape(310, 880, 2200, 65, 110, 140)),
		vowel("AH", 140, 60, shape(630, 1220, 2550, 80, 60, 140)),
		vowel("AX", 110, 50, shape(500, 1420, 2450, 80, 80, 150)),
		vowel("ER", 180, 80, shape(470, 1290, 1600, 80, 60, 110)),
		diphthong("AY", 250, 130, shape(700, 1200, 2550, 90, 70, 200), shape(380, 1980, 2550, 70, 100, 200)),
		diphthong("AW", 260, 120, shape(700, 1250, 2550, 80, 70, 140), shape(400, 880, 2350, 80, 70, 100)),
		diphthong("OY", 280, 150, shape(540, 920, 2400, 80, 60, 130), shape(360, 1900, 2500, 60, 90, 160)),

		sonorant("W", Glide, 80, 50, 0.6, shape(290, 640, 2150, 50, 80, 80)),
		sonorant("Y", Glide, 75, 40, 0.6, shape(270, 2150, 3020, 45, 220, 450)),
		sonorant("R", Glide, 85, 40, 0.7, shape(330, 1080, 1420, 70, 100, 120)),
		sonorant("L", Glide, 80, 45, 0.6, shape(340, 1000, 2850, 60, 100, 250)),
		sonorant("M", Nasal, 75, 55, 0.45, shape(300, 1150, 2130, 50, 200, 200)),
		sonorant("N", Nasal, 70, 50, 0.45, shape(300, 1600, 2550, 50, 250, 300)),
		sonorant("NG", Nasal, 95, 60, 0.45, shape(300, 2050, 2750, 50, 250, 300)),

		noisy("HH", Breath, 75, 35, 0, shape(500, 1500, 2500, 150, 120, 200)),
		noisy("F", Fricative, 105, 75, 0, shape(340, 1100, 2080, 200, 120, 150), Band{0, 0, 0.025}, Band{1400, 1800, 0.03}, Band{6800, 2500, 0.06}),
		noisy("V", Fricative, 65, 45, 0.4, shape(230, 1100, 2080, 70, 90, 120), Band{0, 0, 0.012}, Band{1400, 1800, 0.012}),
		noisy("TH", Fricative, 95, 65, 0, shape(320, 1350, 2540, 200, 90, 200), Band{0, 0, 0.016}, Band{6200, 2200, 0.06}),
		noisy("DH", Fricative, 55, 35, 0.45, shape(270, 1350, 2540, 60, 80, 170), Band{0, 0, 0.008}, Band{6200, 2200, 0.012}),
		noisy("S", Fricative, 110, 65, 0, shape(320, 1500, 2550, 200, 100, 200), Band{4700, 700, 0.09}, Band{6200, 1600, 0.22}),
		noisy("Z", Fricative, 80, 45, 0.35, shape(240, 1500, 2550, 70, 80, 180), Band{4700, 700, 0.05}, Band{6200, 1600, 0.12}),
		noisy("SH", Fricative, 115, 80, 0, shape(300, 1840, 2750, 200, 100, 300), Band{2650, 350, 0.16}, Band{3700, 800, 0.14}, Band{5200, 1500, 0.05}),
		noisy("ZH", Fricative, 80, 50, 0.35, shape(260, 1840, 2750, 60, 80, 280), Band{2650, 350, 0.09}, Band{3700, 800, 0.08}),

		noisy("P", Stop, 90, 60, 0, shape(350, 900, 2150, 150, 150, 220), Band{0, 0, 0.05}, Band{800, 700, 0.12}),
		noisy("B", Stop, 80, 55, 0.12, shape(200, 900, 2150, 60, 110, 130), Band{0, 0, 0.03}, Band{800, 700, 0.08}),
		noisy("T", Stop, 80, 50, 0, shape(350, 1750, 2650, 150, 120, 250), Band{4100, 900, 0.22}, Band{5800, 1800, 0.18}),
		noisy("D", Stop, 70, 45, 0.12, shape(200, 1750, 2650, 60, 100, 170), Band{4000, 900, 0.14}, Band{5500, 1800, 0.09}),
		noisy("K", Stop, 85, 55, 0, shape(320, 1950, 2500, 150, 160, 300), Band{0, 350, 0.3}, Band{3900, 900, 0.05}),
		noisy("G", Stop, 80, 50, 0.12, shape(200, 1950, 2500, 60, 150, 280), Band{0, 350, 0.2}, Band{3900, 900, 0.03}),
		noisy("CH", Affricate, 75, 50, 0, shape(350, 1800, 2820, 200, 90, 300), Band{2750, 350, 0.18}, Band{3700, 800, 0.18}, Band{5200, 1500, 0.07}),
		noisy("JH", Affricate, 70, 45, 0.12, shape(260, 1800, 2820, 60, 80, 270), Band{2750, 350, 0.12}, Band{3700, 800, 0.12}),
	}
})
