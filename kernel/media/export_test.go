package media

import "context"

// Clean is what Run does every hour.
func (m *Store) Clean(ctx context.Context) { m.clean(ctx) }
