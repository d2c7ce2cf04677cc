package mail

import "strings"

// unproven stands before the id of a sender whom nothing proves: the address of a mail can be anything. No address that an
// owner would list begins with it.
const unproven = "~"

// automatic says why a mail is no person's words that wait for an answer, "" where it may be (RFC 3834, RFC 2919, and what
// programs did before those). Two programs that answer each other would never end.
func automatic(h header, from string, own string) string {
	local, _, _ := strings.Cut(from, "@")
	switch auto := lower(h.get("auto-submitted")); {
	case from == lower(own):
		return "it is the mailbox's own"
	case auto != "" && !strings.HasPrefix(auto, "no"):
		return "a program has sent it (Auto-Submitted)"
	case h.has("list-id"), h.has("list-post"), h.has("list-unsubscribe"):
		return "a mailing list has sent it"
	case h.get("return-path") == "<>":
		return "it is a report of a mail server"
	case h.has("x-auto-response-suppress"), h.has("x-autoreply"), h.has("x-autorespond"):
		return "a program has sent it"
	case strings.HasPrefix(lower(h.get("content-type")), "multipart/report"):
		return "it is a report of a mail server"
	case local == "mailer-daemon", local == "postmaster", local == "noreply", local == "no-reply", local == "donotreply", local == "do-not-reply":
		return "nobody reads what is written to " + from
	}
	switch lower(h.get("precedence")) {
	case "bulk", "list", "junk", "auto_reply":
		return "it is a mass mail (Precedence)"
	}
	return ""
}

// proven reports whether the owner's own mail server says that a mail is from who it says (RFC 8601): by DMARC, or by a DKIM
// signature of the address's domain. Only the first field of that server counts: it stands above those that came with the mail.
func proven(h header, from, authserv string) bool {
	_, domain, _ := strings.Cut(from, "@")
	if authserv == "" {
		return false
	}
	for _, f := range h {
		if f.name != "authentication-results" {
			continue
		}
		id, results, _ := strings.Cut(f.value, ";")
		if name, _, _ := strings.Cut(strings.TrimSpace(id), " "); lower(name) != lower(authserv) {
			return false
		}
		for result := range strings.SplitSeq(lower(results), ";") {
			words := strings.Fields(result)
			if len(words) == 0 {
				continue
			}
			switch words[0] {
			case "dmarc=pass":
				return strings.Contains(result, "header.from="+domain) || !strings.Contains(result, "header.from=")
			case "dkim=pass":
				for _, word := range words {
					if word == "header.d="+domain || strings.HasPrefix(word, "header.i=") && strings.HasSuffix(word, "@"+domain) {
						return true
					}
				}
			}
		}
		return false
	}
	return false
}
