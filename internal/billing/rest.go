package billing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"

	"planb/internal/config"
)

const (
	// restBatch is how many samples go in one request.
	restBatch = 100
	// createMany is where, below the address, a batch is posted.
	createMany = "create_many/"
	// restService and restUnit are what is billed.
	restService = "backup-size-gibibyte"
	restUnit    = "GiB"
)

// restExists is the error of an item that the receiver has already.
const restExists = "The fields relation_code, item_code, service_code, date must make a unique set."

// rest posts batches as the first PlanB did. Items that fail are told apart, and
// the others, none of which was taken, sent again.
type rest struct{ *sender }

func newREST(c config.BillingPoster, base *url.URL) (rest, error) {
	if c.Token == "" {
		return rest{}, errors.New("needs a token: set token_file")
	}
	r := rest{newSender(c.Name, base.JoinPath(createMany).String(), "application/json")}
	r.header.Set("Authorization", "Token "+c.Token)
	return r, nil
}

// restItem is one sample as the receiver knows it.
type restItem struct {
	RelationCode string  `json:"relation_code"`
	ItemCode     string  `json:"item_code"`
	ServiceCode  string  `json:"service_code"`
	Date         string  `json:"date"`
	Value        float64 `json:"value"`
	Unit         string  `json:"unit"`
}

func itemOf(s Sample) restItem {
	gib := float64(s.Used) / (1 << 30)
	return restItem{
		RelationCode: s.Group, ItemCode: s.Host, ServiceCode: restService, Date: s.Day,
		Value: math.Round(gib*1e5) / 1e5, Unit: restUnit,
	}
}

// Name implements Poster.
func (r rest) Name() string { return r.name }

// Batch implements Poster.
func (rest) Batch() int { return restBatch }

// Post implements Poster.
func (r rest) Post(ctx context.Context, samples []Sample) ([]Answer, error) {
	answers := make([]Answer, len(samples))
	items := make([]restItem, len(samples))
	left := make([]int, len(samples))
	for i, s := range samples {
		items[i], left[i] = itemOf(s), i
		answers[i].Sent = compact(items[i])
	}
	for len(left) > 0 {
		batch := make([]restItem, len(left))
		for i, at := range left {
			batch[i] = items[at]
		}
		a, err := r.postBatch(ctx, batch)
		if err != nil {
			return answers, err
		}
		if a.ok() {
			for _, at := range left {
				answers[at].State = Posted
			}
			return answers, nil
		}
		if a.status != http.StatusBadRequest {
			return answers, r.unanswered(a)
		}
		faults, ok := faultsOf(a.body, len(left))
		if !ok {
			return answers, r.unanswered(a)
		}
		left = tellApart(answers, left, faults)
	}
	return answers, nil
}

func (r rest) postBatch(ctx context.Context, batch []restItem) (answer, error) {
	body, err := json.Marshal(batch)
	if err != nil {
		return answer{}, fmt.Errorf("%s: %w", r.name, err)
	}
	return r.post(ctx, body, "")
}

// faultsOf reads what is wrong with each item, nothing where it is right. It
// says no to an answer that is not about n items, or that finds nothing wrong:
// after that, the same would be sent for ever.
func faultsOf(body []byte, n int) ([]map[string]json.RawMessage, bool) {
	var faults []map[string]json.RawMessage
	if json.Unmarshal(body, &faults) != nil || len(faults) != n {
		return nil, false
	}
	return faults, slices.ContainsFunc(faults, func(f map[string]json.RawMessage) bool { return len(f) > 0 })
}

// tellApart gives the answers for the items that have a fault, and what is left.
func tellApart(answers []Answer, left []int, faults []map[string]json.RawMessage) (rest []int) {
	for i, at := range left {
		switch fault := faults[i]; {
		case len(fault) == 0:
			rest = append(rest, at)
		case isThere(fault):
			answers[at].State, answers[at].Existed = Posted, true
		default:
			answers[at].State, answers[at].Error = Refused, "the receiver refuses it: "+oneLine([]byte(compact(fault)))
		}
	}
	return rest
}

// isThere says whether all that is wrong with an item is that it is there.
func isThere(fault map[string]json.RawMessage) bool {
	var texts []string
	return len(fault) == 1 && json.Unmarshal(fault["non_field_errors"], &texts) == nil && slices.Equal(texts, []string{restExists})
}
