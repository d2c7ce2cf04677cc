// Package emoji knows the short names that chat platforms have for emoji, such as :tada:. They are those of the open table that
// Slack, Mattermost and others are built on (github.com/iamcal/emoji-data).
package emoji

import "strings"

// names are those of emoji that people use most, one of each pair (name, emoji) behind the other. Where an emoji has several, the first
// one is given.
var names = strings.Fields(`
+1 👍 thumbsup 👍 -1 👎 thumbsdown 👎 heart ❤ fire 🔥 tada 🎉 eyes 👀 white_check_mark ✅ heavy_check_mark ✔ x ❌ ok_hand 👌
wave 👋 clap 👏 pray 🙏 raised_hands 🙌 muscle 💪 joy 😂 smile 😄 smiley 😃 grin 😁 grinning 😀 sweat_smile 😅 laughing 😆
rolling_on_the_floor_laughing 🤣 blush 😊 slightly_smiling_face 🙂 wink 😉 heart_eyes 😍 kissing_heart 😘 sunglasses 😎
thinking_face 🤔 neutral_face 😐 confused 😕 upside_down_face 🙃 face_with_rolling_eyes 🙄 cry 😢 sob 😭 rage 😡 angry 😠
scream 😱 flushed 😳 hugging_face 🤗 star-struck 🤩 partying_face 🥳 sleeping 😴 nerd_face 🤓 robot_face 🤖 ghost 👻 skull 💀
hankey 💩 poop 💩 100 💯 rocket 🚀 star ⭐ sparkles ✨ zap ⚡ boom 💥 bulb 💡 warning ⚠ question ❓ exclamation ❗ hourglass ⌛
hourglass_flowing_sand ⏳ alarm_clock ⏰ bell 🔔 lock 🔒 key 🔑 mag 🔍 link 🔗 pushpin 📌 memo 📝 calendar 📆 email 📧
broken_heart 💔 blue_heart 💙 green_heart 💚 yellow_heart 💛 purple_heart 💜 sun_with_face 🌞 rainbow 🌈 coffee ☕ beer 🍺 beers 🍻
pizza 🍕 cake 🍰 birthday 🎂 gift 🎁 trophy 🏆 crown 👑 bug 🐛 dog 🐶 cat 🐱 snail 🐌 turtle 🐢 unicorn_face 🦄 shrug 🤷
man-shrugging 🤷‍♂️ woman-shrugging 🤷‍♀️ face_palm 🤦 facepalm 🤦 point_up ☝ point_right 👉 point_left 👈 point_down 👇 v ✌ crossed_fingers 🤞 fingers_crossed 🤞
handshake 🤝 writing_hand ✍ repeat 🔁 arrow_up ⬆ arrow_down ⬇ no_entry ⛔ red_circle 🔴 large_green_circle 🟢 checkered_flag 🏁
one 1️⃣ two 2️⃣ three 3️⃣ four 4️⃣ five 5️⃣ six 6️⃣ seven 7️⃣ eight 8️⃣ nine 9️⃣ keycap_ten 🔟`)

// Of is the emoji of a name. A name that is not known stays one, between colons; a skin's tone, which follows a name behind two colons,
// is left out.
func Of(name string) string {
	plain, _, _ := strings.Cut(name, "::")
	for i := 0; i+1 < len(names); i += 2 {
		if names[i] == plain {
			return names[i+1]
		}
	}
	return ":" + name + ":"
}

// variants are what may follow an emoji and changes only how it looks: that it is shown as a picture, and skins' tones.
var variants = strings.NewReplacer("\uFE0F", "", "\U0001F3FB", "", "\U0001F3FC", "", "\U0001F3FD", "", "\U0001F3FE", "", "\U0001F3FF", "")

// Name is the name of an emoji, or of one that is named already, such as :party_parrot:; "" for what is not known.
func Name(emoji string) string {
	if named := strings.Trim(emoji, ":"); named != "" && IsName(named) {
		return named
	}
	plain := variants.Replace(emoji)
	for i := 0; i+1 < len(names); i += 2 {
		if variants.Replace(names[i+1]) == plain {
			return names[i]
		}
	}
	return ""
}

// IsName reports whether a word can be the name of an emoji.
func IsName(s string) bool {
	for _, c := range []byte(s) {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("_-+:'", c) >= 0) {
			return false
		}
	}
	return s != ""
}

// Shown is a text with emoji in the place of their names; those that are not known stay as they are.
func Shown(text string) string {
	if strings.Count(text, ":") < 2 {
		return text
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, ":")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, after, closed := strings.Cut(rest, ":")
		if e := Of(name); closed && IsName(name) && !strings.HasPrefix(e, ":") {
			b.WriteString(e)
			text = after
			continue
		}
		b.WriteByte(':')
		text = rest
	}
}
