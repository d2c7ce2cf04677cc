package discordtest

import "encoding/json"

// User is somebody, or a bot.
type User struct {
	ID         string `json:"id"`
	Username   string `json:"username"`
	GlobalName string `json:"global_name,omitempty"`
	Bot        bool   `json:"bot,omitempty"`
	// Discriminator is "0" for all but old bots.
	Discriminator string `json:"discriminator"`
}

// Member is somebody in a guild.
type Member struct {
	User  *User    `json:"user,omitempty"`
	Nick  string   `json:"nick,omitempty"`
	Roles []string `json:"roles"`
	// JoinedAt is the same for everybody.
	JoinedAt string `json:"joined_at"`
}

// Types of channels (Channel Types).
const (
	Text         = 0
	DirectChat   = 1
	GroupChat    = 3
	PublicThread = 11
	Forum        = 15
)

// Channel is a channel of a guild, a thread, or a direct chat.
type Channel struct {
	ID         string          `json:"id"`
	Type       int             `json:"type"`
	GuildID    string          `json:"guild_id,omitempty"`
	Name       string          `json:"name,omitempty"`
	ParentID   string          `json:"parent_id,omitempty"`
	Recipients []User          `json:"recipients,omitempty"`
	Thread     *ThreadMetadata `json:"thread_metadata,omitempty"`
}

// ThreadMetadata says whether a thread is closed.
type ThreadMetadata struct {
	Archived            bool   `json:"archived"`
	Locked              bool   `json:"locked"`
	AutoArchiveDuration int    `json:"auto_archive_duration"`
	ArchiveTimestamp    string `json:"archive_timestamp"`
}

// Guild is a server.
type Guild struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Roles    []Role    `json:"roles"`
	Channels []Channel `json:"channels"`
	Threads  []Channel `json:"threads"`
	Members  []Member  `json:"members"`
}

// Role is one of a guild's.
type Role struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Attachment is a file of a message.
type Attachment struct {
	ID          string  `json:"id"`
	Filename    string  `json:"filename"`
	Description string  `json:"description,omitempty"`
	ContentType string  `json:"content_type,omitempty"`
	Size        int     `json:"size"`
	URL         string  `json:"url"`
	ProxyURL    string  `json:"proxy_url"`
	Width       int     `json:"width,omitempty"`
	Height      int     `json:"height,omitempty"`
	Duration    float64 `json:"duration_secs,omitempty"`
}

// Reference is the message that another one answers (type 0) or hands on (1).
type Reference struct {
	Type      int    `json:"type"`
	MessageID string `json:"message_id,omitempty"`
	ChannelID string `json:"channel_id,omitempty"`
	GuildID   string `json:"guild_id,omitempty"`
	Fail      *bool  `json:"fail_if_not_exists,omitempty"`
}

// Snapshot is what a message was that is handed on.
type Snapshot struct {
	Message json.RawMessage `json:"message"`
}

// Emoji is a character, or one of a guild's own.
type Emoji struct {
	ID   *string `json:"id"`
	Name string  `json:"name"`
}

// Reaction counts an emoji at a message.
type Reaction struct {
	Count int   `json:"count"`
	Me    bool  `json:"me"`
	Emoji Emoji `json:"emoji"`
}

// Message is a message in a channel.
type Message struct {
	ID                string          `json:"id"`
	ChannelID         string          `json:"channel_id"`
	GuildID           string          `json:"guild_id,omitempty"`
	ChannelType       *int            `json:"channel_type,omitempty"`
	Author            *User           `json:"author"`
	Member            *Member         `json:"member,omitempty"`
	WebhookID         string          `json:"webhook_id,omitempty"`
	Content           string          `json:"content"`
	Timestamp         string          `json:"timestamp"`
	EditedTimestamp   *string         `json:"edited_timestamp"`
	TTS               bool            `json:"tts"`
	MentionEveryone   bool            `json:"mention_everyone"`
	Mentions          []User          `json:"mentions"`
	MentionRoles      []string        `json:"mention_roles"`
	Attachments       []Attachment    `json:"attachments"`
	Embeds            []Embed         `json:"embeds"`
	Reactions         []Reaction      `json:"reactions,omitempty"`
	Nonce             json.RawMessage `json:"nonce,omitempty"`
	Pinned            bool            `json:"pinned"`
	Type              int             `json:"type"`
	Flags             int             `json:"flags,omitempty"`
	MessageReference  *Reference      `json:"message_reference,omitempty"`
	MessageSnapshots  []Snapshot      `json:"message_snapshots,omitempty"`
	ReferencedMessage *Message        `json:"referenced_message,omitempty"`
	Components        []Component     `json:"components,omitempty"`
	StickerItems      []Sticker       `json:"sticker_items,omitempty"`
	Poll              json.RawMessage `json:"poll,omitempty"`
}

// Embed is what a program shows beside a text.
type Embed struct {
	Type        string  `json:"type,omitempty"`
	Title       string  `json:"title,omitempty"`
	Description string  `json:"description,omitempty"`
	Fields      []Field `json:"fields,omitempty"`
}

// Field is one of an embed's.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Sticker is one that comes with a message.
type Sticker struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	FormatType int    `json:"format_type"`
}

// Component is a row of buttons, or a button.
type Component struct {
	Type       int         `json:"type"`
	Style      int         `json:"style,omitempty"`
	Label      string      `json:"label,omitempty"`
	CustomID   string      `json:"custom_id,omitempty"`
	Components []Component `json:"components,omitempty"`
}

// Buttons are those of a message, in order.
func (m *Message) Buttons() (list []Component) {
	for _, row := range m.Components {
		list = append(list, row.Components...)
	}
	return list
}

// Command is a command that the bot has registered.
type Command struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Type        int    `json:"type,omitempty"`
	Options     []struct {
		Type        int    `json:"type"`
		Name        string `json:"name"`
		Description string `json:"description"`
		Required    bool   `json:"required"`
	} `json:"options,omitempty"`
}

// apiError is an answer other than ok ("Error Messages").
type apiError struct {
	Status  int
	Code    int
	Message string
	// Field is the one that a form was refused for.
	Field string
	// RetryAfter, in seconds, and Global are of a 429.
	RetryAfter float64
	Global     bool
}

func (e *apiError) Error() string { return e.Message }

func (e *apiError) body() map[string]any {
	body := map[string]any{"message": e.Message, "code": e.Code}
	if e.Field != "" {
		body["errors"] = map[string]any{e.Field: map[string]any{"_errors": []map[string]string{{"code": "INVALID", "message": "This field is not right."}}}}
	}
	if e.Status == 429 {
		body["retry_after"], body["global"] = e.RetryAfter, e.Global
	}
	return body
}

// Errors that the server answers with ("JSON Error Codes").
func unknownChannel() *apiError {
	return &apiError{Status: 404, Code: 10003, Message: "Unknown Channel"}
}

func unknownMessage() *apiError {
	return &apiError{Status: 404, Code: 10008, Message: "Unknown Message"}
}

func invalidForm(field string) *apiError {
	return &apiError{Status: 400, Code: 50035, Message: "Invalid Form Body", Field: field}
}
