package botapitest

import "encoding/json"

// User is a person or a bot.
type User struct {
	ID           int64  `json:"id"`
	IsBot        bool   `json:"is_bot"`
	FirstName    string `json:"first_name"`
	LastName     string `json:"last_name,omitempty"`
	Username     string `json:"username,omitempty"`
	LanguageCode string `json:"language_code,omitempty"`
}

// Chat is a conversation. Type is private, group, supergroup or channel.
type Chat struct {
	ID        int64  `json:"id"`
	Type      string `json:"type"`
	Title     string `json:"title,omitempty"`
	Username  string `json:"username,omitempty"`
	FirstName string `json:"first_name,omitempty"`
	LastName  string `json:"last_name,omitempty"`
	IsForum   bool   `json:"is_forum,omitempty"`
}

// Entity marks a stretch of a text. Offset and Length are in UTF-16 code units.
type Entity struct {
	Type          string `json:"type"`
	Offset        int    `json:"offset"`
	Length        int    `json:"length"`
	URL           string `json:"url,omitempty"`
	User          *User  `json:"user,omitempty"`
	Language      string `json:"language,omitempty"`
	CustomEmojiID string `json:"custom_emoji_id,omitempty"`
}

// File is any kind of attached file; which fields are set depends on the kind.
type File struct {
	FileID       string `json:"file_id"`
	FileUniqueID string `json:"file_unique_id"`
	FileSize     int64  `json:"file_size,omitempty"`
	FilePath     string `json:"file_path,omitempty"`
	FileName     string `json:"file_name,omitempty"`
	MimeType     string `json:"mime_type,omitempty"`
	Width        int    `json:"width,omitempty"`
	Height       int    `json:"height,omitempty"`
	Duration     int    `json:"duration,omitempty"`
	Emoji        string `json:"emoji,omitempty"`
}

// Location is a point on the earth.
type Location struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
}

// Contact is a shared telephone number.
type Contact struct {
	PhoneNumber string `json:"phone_number"`
	FirstName   string `json:"first_name"`
	LastName    string `json:"last_name,omitempty"`
	UserID      int64  `json:"user_id,omitempty"`
}

// Poll is a question with options. Type is regular.
type Poll struct {
	ID        string       `json:"id"`
	Question  string       `json:"question"`
	Options   []PollOption `json:"options"`
	Voters    int          `json:"total_voter_count"`
	Closed    bool         `json:"is_closed"`
	Anonymous bool         `json:"is_anonymous"`
	Type      string       `json:"type"`
	Multiple  bool         `json:"allows_multiple_answers"`
}

// PollAnswer says what somebody has chosen in a poll that is not anonymous.
type PollAnswer struct {
	PollID    string `json:"poll_id"`
	User      User   `json:"user"`
	OptionIDs []int  `json:"option_ids"`
}

// PollOption is one that can be chosen.
type PollOption struct {
	Text   string `json:"text"`
	Voters int    `json:"voter_count"`
}

// Message is what was said in a chat.
type Message struct {
	MessageID       int64           `json:"message_id"`
	MessageThreadID int64           `json:"message_thread_id,omitempty"`
	From            *User           `json:"from,omitempty"`
	SenderChat      *Chat           `json:"sender_chat,omitempty"`
	Chat            Chat            `json:"chat"`
	Date            int64           `json:"date"`
	IsTopicMessage  bool            `json:"is_topic_message,omitempty"`
	ReplyToMessage  *Message        `json:"reply_to_message,omitempty"`
	Quote           *Quote          `json:"quote,omitempty"`
	EditDate        int64           `json:"edit_date,omitempty"`
	MediaGroupID    string          `json:"media_group_id,omitempty"`
	Text            string          `json:"text,omitempty"`
	Entities        []Entity        `json:"entities,omitempty"`
	Caption         string          `json:"caption,omitempty"`
	CaptionEntities []Entity        `json:"caption_entities,omitempty"`
	Photo           []File          `json:"photo,omitempty"`
	Animation       *File           `json:"animation,omitempty"`
	Audio           *File           `json:"audio,omitempty"`
	Document        *File           `json:"document,omitempty"`
	Sticker         *File           `json:"sticker,omitempty"`
	Video           *File           `json:"video,omitempty"`
	VideoNote       *File           `json:"video_note,omitempty"`
	Voice           *File           `json:"voice,omitempty"`
	Location        *Location       `json:"location,omitempty"`
	Contact         *Contact        `json:"contact,omitempty"`
	Poll            *Poll           `json:"poll,omitempty"`
	NewChatMembers  []User          `json:"new_chat_members,omitempty"`
	LeftChatMember  *User           `json:"left_chat_member,omitempty"`
	NewChatTitle    string          `json:"new_chat_title,omitempty"`
	MigrateToChatID int64           `json:"migrate_to_chat_id,omitempty"`
	MigrateFromID   int64           `json:"migrate_from_chat_id,omitempty"`
	ReplyMarkup     json.RawMessage `json:"reply_markup,omitempty"`
}

// Quote is the part of a message that a reply picks out.
type Quote struct {
	Text     string `json:"text"`
	Position int    `json:"position"`
	IsManual bool   `json:"is_manual,omitempty"`
}

// Reaction is one emoji under a message.
type Reaction struct {
	Type  string `json:"type"`
	Emoji string `json:"emoji,omitempty"`
}

// MessageReaction says that somebody changed their reactions to a message.
type MessageReaction struct {
	Chat        Chat       `json:"chat"`
	MessageID   int64      `json:"message_id"`
	User        *User      `json:"user,omitempty"`
	ActorChat   *Chat      `json:"actor_chat,omitempty"`
	Date        int64      `json:"date"`
	OldReaction []Reaction `json:"old_reaction"`
	NewReaction []Reaction `json:"new_reaction"`
}

// CallbackQuery says that somebody pressed a button under a message.
type CallbackQuery struct {
	ID           string   `json:"id"`
	From         User     `json:"from"`
	Message      *Message `json:"message,omitempty"`
	ChatInstance string   `json:"chat_instance"`
	Data         string   `json:"data,omitempty"`
}

// MemberUpdate says that the bot's place in a chat changed.
type MemberUpdate struct {
	Chat          Chat   `json:"chat"`
	From          User   `json:"from"`
	Date          int64  `json:"date"`
	OldChatMember Member `json:"old_chat_member"`
	NewChatMember Member `json:"new_chat_member"`
}

// Member is somebody's place in a chat. Status is creator, administrator, member, restricted, left or kicked.
type Member struct {
	User   User   `json:"user"`
	Status string `json:"status"`
}

// WebhookInfo is the state of the webhook.
type WebhookInfo struct {
	URL                  string   `json:"url"`
	HasCustomCertificate bool     `json:"has_custom_certificate"`
	PendingUpdateCount   int      `json:"pending_update_count"`
	MaxConnections       int      `json:"max_connections,omitempty"`
	AllowedUpdates       []string `json:"allowed_updates,omitempty"`
	LastErrorDate        int64    `json:"last_error_date,omitempty"`
	LastErrorMessage     string   `json:"last_error_message,omitempty"`
}

// Command is an entry of the bot's menu.
type Command struct {
	Command     string `json:"command"`
	Description string `json:"description"`
}

// Draft is what the bot has shown in a private chat while it wrote.
type Draft struct {
	Chat     int64
	ID, Text string
}
