package klatt

import (
	"encoding/binary"

	"github.com/carapace-gateway/carapace/builtin-plugins/klatt/synth"
)

// headLength is how many bytes stand before the samples in a WAV file.
const headLength = 44

// wav is a sound of one channel as a WAV file of 16 bits.
func wav(samples []int16) []byte {
	size := 2 * len(samples)
	b := make([]byte, 0, headLength+size)
	b = append(b, "RIFF"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(headLength-8+size))
	b = append(b, "WAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 16)
	b = binary.LittleEndian.AppendUint16(b, 1) // samples as they are
	b = binary.LittleEndian.AppendUint16(b, 1) // channels
	b = binary.LittleEndian.AppendUint32(b, synth.Rate)
	b = binary.LittleEndian.AppendUint32(b, 2*synth.Rate) // bytes in a second
	b = binary.LittleEndian.AppendUint16(b, 2)            // bytes of a sample
	b = binary.LittleEndian.AppendUint16(b, 16)
	b = append(b, "data"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(size))
	for _, s := range samples {
		b = binary.LittleEndian.AppendUint16(b, uint16(s))
	}
	return b
}
