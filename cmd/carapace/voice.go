package main

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/service/tts"
	"github.com/carapace-gateway/carapace/kernel/service/voicewake"
)

// newVoice shows how the assistant speaks, has it speak, and changes how.
func newVoice(o *options) *cobra.Command {
	c := o.client(&cobra.Command{
		Use: "voice", Short: "Show how the assistant speaks, have it speak, and change how",
		Example: "  carapace voice\n  carapace voice say \"Good morning.\" --out morning.wav\n  carapace voice on --inbound", Args: known,
		RunE: show(o, "tts.status", fixed(nil), printVoice),
	})
	off := &cobra.Command{
		Use: "off", Short: "Have answers no longer spoken", Example: "  carapace voice off", Args: takes(),
		RunE: act(o, "tts.disable", fixed(nil), "answers are not spoken"),
	}
	set := &cobra.Command{
		Use: "set [VOICE]", Short: "Choose the voice; without one, whoever speaks chooses", Example: "  carapace voice set woman", Args: takes("[VOICE]"),
		RunE: show(o, "tts.setVoice", func(args []string) any { return tts.VoiceParams{Voice: strings.Join(args, "")} }, printVoiceSet),
	}
	c.AddCommand(newVoiceSay(o), newVoiceOn(o), o.client(off), newVoiceVoices(o), o.client(set), newVoiceProvider(o), newVoiceWake(o))
	return c
}

func printVoice(w io.Writer, r tts.StatusResult) error {
	spoken := map[string]string{"off": "answers are not spoken", "inbound": "answers to voice messages are spoken", "always": "answers are spoken"}[r.Auto]
	by := "nobody: `carapace setup` lists the plugins that there are"
	if r.Provider != "" {
		by = strings.Join(append([]string{r.Provider}, r.FallbackProviders...), ", then ")
	}
	return table(w, "", [][]string{{"answers", spoken}, {"spoken by", by}, {"voice", cmp.Or(r.Voice, "the plugin's own")}})
}

func printVoiceSet(w io.Writer, r tts.VoiceResult) error {
	_, err := fmt.Fprintf(w, "the voice is %s\n", plain.Line(cmp.Or(r.Voice, "the plugin's own")))
	return err
}

func newVoiceOn(o *options) *cobra.Command {
	inbound := false
	c := &cobra.Command{
		Use: "on", Short: "Have answers spoken in channels", Example: "  carapace voice on\n  carapace voice on --inbound", Args: takes(),
		RunE: func(c *cobra.Command, args []string) error {
			p, done := tts.EnableParams{Auto: "always"}, "answers are spoken"
			if inbound {
				p.Auto, done = "inbound", "answers to voice messages are spoken"
			}
			return act(o, "tts.enable", fixed(p), done)(c, args)
		},
	}
	c.Flags().BoolVar(&inbound, "inbound", false, "only answers to voice messages")
	return o.client(c)
}

// newVoiceSay has a text said, and writes the sound to a file.
func newVoiceSay(o *options) *cobra.Command {
	p := tts.SpeakParams{}
	out, speed := "", number{n: 100, least: 25, most: 400}
	c := &cobra.Command{
		Use: "say TEXT", Short: "Have a text said, and write the sound to a file",
		Example: "  carapace voice say \"Good morning.\"\n  carapace voice say \"Good morning.\" --out morning.wav --voice woman", Args: takes("TEXT"),
		RunE: func(c *cobra.Command, args []string) error {
			p.Text = args[0]
			if speed.n != 100 {
				p.Speed = speed.n
			}
			if ending := strings.TrimPrefix(filepath.Ext(out), "."); p.Format == "" && slices.Contains(formats(), ending) {
				p.Format = ending
			}
			var raw json.RawMessage
			if err := o.call(c.Context(), "tts.speak", p, &raw); err != nil {
				return err
			}
			return printAnswer(o, "tts.speak", raw, func(w io.Writer, r tts.SpeakResult) error {
				return writeSound(w, cmp.Or(out, "speech"+r.FileExtension), r)
			})
		},
	}
	c.Flags().StringVar(&out, "out", "", "the sound's file (by default speech.wav, or whatever it is, here)")
	c.Flags().StringVar(&p.Format, "format", "", "mp3, opus, wav, flac or aac; by default that of the file, or what there is")
	c.Flags().StringVar(&p.Provider, "provider", "", "the plugin that speaks")
	c.Flags().StringVar(&p.Voice, "voice", "", "one of its voices")
	c.Flags().Var(&speed, "speed", "100 is as the voice speaks, 200 twice that")
	return o.client(c)
}

func formats() []string { return []string{"mp3", "opus", "wav", "flac", "aac"} }

func writeSound(w io.Writer, file string, r tts.SpeakResult) error {
	data, err := base64.StdEncoding.DecodeString(r.AudioBase64)
	if err != nil {
		return fmt.Errorf("read the sound: %w", err)
	}
	if err := os.WriteFile(file, data, 0o644); err != nil {
		return fmt.Errorf("write the sound: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s: %s, %d KB, spoken by %s\n", plain.Line(file), r.OutputFormat, (len(data)+1023)/1024, r.Provider)
	return err
}

func newVoiceVoices(o *options) *cobra.Command {
	p := tts.VoicesParams{}
	c := &cobra.Command{
		Use: "voices", Short: "List the voices", Example: "  carapace voice voices\n  carapace voice voices --provider klatt", Args: takes(),
		RunE: show(o, "tts.voices", func([]string) any { return p }, func(w io.Writer, r tts.VoicesResult) error {
			var rows [][]string
			for _, v := range r.Voices {
				language, chosen := "", ""
				if v.Language != nil {
					language = *v.Language
				}
				if v.ID == r.Current {
					chosen = "chosen"
				}
				rows = append(rows, []string{v.ID, v.Name, language, chosen})
			}
			return listed(w, "ID NAME LANGUAGE NOTE", rows, r.Provider+" lists no voices")
		}),
	}
	c.Flags().StringVar(&p.Provider, "provider", "", "the plugin; whoever speaks when left out")
	return o.client(c)
}

func newVoiceProvider(o *options) *cobra.Command {
	choose := func(args []string) any { return tts.ProviderParams{Provider: args[0]} }
	return o.client(&cobra.Command{
		Use: "provider [ID]", Short: "List the plugins that speak, or choose one", Example: "  carapace voice provider\n  carapace voice provider klatt", Args: takes("[ID]"),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return show(o, "tts.providers", fixed(nil), printSpeakers)(c, args)
			}
			return act(o, "tts.setProvider", choose, args[0]+" speaks")(c, args)
		},
	})
}

func printSpeakers(w io.Writer, r tts.ProvidersResult) error {
	var rows [][]string
	for _, p := range r.Providers {
		note := "not set up"
		switch {
		case p.ID == r.Active:
			note = "speaks"
		case p.Configured:
			note = "ready"
		}
		rows = append(rows, []string{p.ID, strings.Join(p.Formats, ","), note, p.Name})
	}
	return listed(w, "ID FORMATS STATE NAME", rows, "no plugin speaks")
}

// newVoiceWake shows the words that wake the assistant, or chooses them.
func newVoiceWake(o *options) *cobra.Command {
	reset := false
	c := &cobra.Command{
		Use: "wake [WORD]...", Short: "Show the words that apps listen for, or choose them", Example: "  carapace voice wake\n  carapace voice wake computer \"hey you\"",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 && !reset {
				return show(o, "voicewake.get", fixed(nil), printWords)(c, args)
			}
			return show(o, "voicewake.set", fixed(voicewake.SetParams{Triggers: append([]string{}, args...)}), printWords)(c, args)
		},
	}
	c.Flags().BoolVar(&reset, "reset", false, "the gateway's own words again")
	return o.client(c)
}

func printWords(w io.Writer, t voicewake.Triggers) error {
	for _, word := range t.Triggers {
		if _, err := fmt.Fprintln(w, plain.Line(word)); err != nil {
			return err
		}
	}
	return nil
}
