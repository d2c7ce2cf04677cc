package sdk

import "github.com/carapace-gateway/carapace/wit"

// Sessions lists sessions of one of the owner's agents, the last used one first. Permission `sessionRead`.
func (h *Host) Sessions(filter *wit.SessionFilter) (*wit.SessionPage, error) {
	page := new(wit.SessionPage)
	if err := call(h, sessionFind, filter, page); err != nil {
		return nil, err
	}
	return page, nil
}

// History reads a part of what was said in a session, the newest messages unless the query says before which. Permission
// `sessionRead`.
func (h *Host) History(query *wit.HistoryQuery) (*wit.HistoryPage, error) {
	page := new(wit.HistoryPage)
	if err := call(h, sessionRead, query, page); err != nil {
		return nil, err
	}
	return page, nil
}
