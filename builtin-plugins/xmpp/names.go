package xmpp

import (
	"strings"
	"unicode/utf8"
)

// The namespaces, by the document that defines them.
const (
	nsClient     = "jabber:client"                    // RFC 6120
	nsStream     = "http://etherx.jabber.org/streams" // RFC 6120
	nsTLS        = "urn:ietf:params:xml:ns:xmpp-tls"  // RFC 6120
	nsSASL       = "urn:ietf:params:xml:ns:xmpp-sasl" // RFC 6120
	nsBind       = "urn:ietf:params:xml:ns:xmpp-bind" // RFC 6120
	nsStanzas    = "urn:ietf:params:xml:ns:xmpp-stanzas"
	nsItems      = "http://jabber.org/protocol/disco#items" // XEP-0030
	nsInfo       = "http://jabber.org/protocol/disco#info"  // XEP-0030
	nsCommands   = "http://jabber.org/protocol/commands"    // XEP-0050
	nsMUC        = "http://jabber.org/protocol/muc"         // XEP-0045
	nsMUCUser    = "http://jabber.org/protocol/muc#user"    // XEP-0045
	nsMUCOwner   = "http://jabber.org/protocol/muc#owner"   // XEP-0045
	nsRSM        = "http://jabber.org/protocol/rsm"         // XEP-0059
	nsOOB        = "jabber:x:oob"                           // XEP-0066
	nsChatStates = "http://jabber.org/protocol/chatstates"  // XEP-0085
	nsVersion    = "jabber:iq:version"                      // XEP-0092
	nsReceipts   = "urn:xmpp:receipts"                      // XEP-0184
	nsManage     = "urn:xmpp:sm:3"                          // XEP-0198
	nsPing       = "urn:xmpp:ping"                          // XEP-0199
	nsDelay      = "urn:xmpp:delay"                         // XEP-0203
	nsInvite     = "jabber:x:conference"                    // XEP-0249
	nsForward    = "urn:xmpp:forward:0"                     // XEP-0297
	nsCorrect    = "urn:xmpp:message-correct:0"             // XEP-0308
	nsArchive    = "urn:xmpp:mam:2"                         // XEP-0313
	nsMarkers    = "urn:xmpp:chat-markers:0"                // XEP-0333
	nsHints      = "urn:xmpp:hints"                         // XEP-0334
	nsIDs        = "urn:xmpp:sid:0"                         // XEP-0359
	nsUpload     = "urn:xmpp:http:upload:0"                 // XEP-0363
	nsEncrypted  = "urn:xmpp:eme:0"                         // XEP-0380
	nsUnstyled   = "urn:xmpp:styling:0"                     // XEP-0393
	nsRetract    = "urn:xmpp:message-retract:1"             // XEP-0424
	nsModerate   = "urn:xmpp:message-moderate:1"            // XEP-0425
	nsFallback   = "urn:xmpp:fallback:0"                    // XEP-0428
	nsReactions  = "urn:xmpp:reactions:0"                   // XEP-0444
	nsReply      = "urn:xmpp:reply:0"                       // XEP-0461
	nsForm       = "jabber:x:data"                          // XEP-0004
)

// maxJID bounds an address (RFC 7622, 3.1: three parts of 1023 bytes); what is longer than an id may be is nobody's here.
const maxJID = 900

// bare is an address without its resource, in lower case: those of one account are the same.
func bare(jid string) string {
	account, _, _ := strings.Cut(jid, "/")
	return strings.ToLower(account)
}

// resource is what stands behind the account: of a client its name, in a room somebody's nick there.
func resource(jid string) string {
	_, r, _ := strings.Cut(jid, "/")
	return r
}

// domain is the server of an address.
func domain(jid string) string {
	account := bare(jid)
	return account[strings.IndexByte(account, '@')+1:]
}

// local is the name in front of the server, "" of a server.
func local(jid string) string {
	name, _, ok := strings.Cut(bare(jid), "@")
	if !ok {
		return ""
	}
	return name
}

// isJID reports whether something can be written to as an address.
func isJID(jid string) bool {
	account, _, _ := strings.Cut(jid, "/")
	name, host, ok := strings.Cut(account, "@")
	return ok && name != "" && host != "" && len(jid) <= maxJID && utf8.ValidString(jid) && !strings.ContainsAny(account, " \t\r\n\"&'<>:") && !strings.Contains(host, "@")
}
