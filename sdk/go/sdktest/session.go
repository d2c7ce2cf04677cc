//go:build !wasip1

package sdktest

import "github.com/carapace-gateway/carapace/wit"

func (h *Host) sessionFind(filter *wit.SessionFilter) (*wit.SessionPage, error) {
	limit := atMost(filter.Limit, wit.SessionFilterLimitDefault, wit.SessionFilterLimitCut)
	page, skip := &wit.SessionPage{}, int(filter.Offset)
	for _, s := range h.Sessions {
		switch {
		case filter.Agent != nil && s.Agent != *filter.Agent, s.Updated < filter.Since:
		case skip > 0:
			skip--
		case len(page.Sessions) == limit:
			page.More = true
		default:
			page.Sessions = append(page.Sessions, s)
		}
	}
	return page, nil
}

func (h *Host) sessionRead(query *wit.HistoryQuery) (*wit.HistoryPage, error) {
	all, ok := h.Histories[query.Session]
	if !ok {
		return nil, wit.Errorf(wit.CodeNotFound, "there is no session %s", query.Session)
	}
	page := &wit.HistoryPage{SessionID: query.Session}
	for _, m := range all {
		if query.Before == 0 || m.Number < query.Before {
			page.Messages = append(page.Messages, m)
		}
	}
	if more := len(page.Messages) - atMost(query.Limit, wit.HistoryQueryLimitDefault, wit.HistoryQueryLimitCut); more > 0 {
		page.Messages, page.More = page.Messages[more:], true
	}
	return page, nil
}

// atMost is how many are asked for: without a number as many as usual, and no more than may be.
func atMost(asked uint32, usual, most int) int {
	if asked == 0 {
		return usual
	}
	return int(min(int64(asked), int64(most)))
}
