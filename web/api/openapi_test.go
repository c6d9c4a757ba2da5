package api_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"planb/web/api"
	"planb/web/webtest"
)

// described gives the description, which is as OpenAPI wants it.
func described(t *testing.T, s *webtest.Site) *openapi3.T {
	t.Helper()
	a := s.Reader().Get(api.DescriptionPath)
	require.Equal(t, http.StatusOK, a.Status)
	d, err := openapi3.NewLoader().LoadFromData([]byte(a.Body))
	require.NoError(t, err)
	require.True(t, d.IsOpenAPI31OrLater())
	require.NoError(t, d.Validate(t.Context()))
	return d
}

func TestDescriptionHasTheRoutesAndNoOther(t *testing.T) {
	t.Parallel()
	var want, have []string
	for _, route := range (api.API{}).Routes() {
		if route.Pattern != api.DescriptionPath {
			require.False(t, route.IsOpen(), route.Pattern)
			want = append(want, route.Method+" "+route.Pattern)
		}
	}
	for path, item := range described(t, webtest.New(t)).Paths.Map() {
		for method := range item.Operations() {
			have = append(have, method+" "+path)
		}
	}
	require.ElementsMatch(t, want, have)
}

// fits holds an answer against what the description says of it.
func fits(t *testing.T, d *openapi3.T, method, path string, a webtest.Answer) {
	t.Helper()
	item := d.Paths.Value(path)
	require.NotNil(t, item, path)
	responses := item.GetOperation(method).Responses
	response := responses.Value(strconv.Itoa(a.Status))
	if response == nil {
		response = responses.Default()
	}
	require.NotNil(t, response, "%s %s: %d", method, path, a.Status)
	content := response.Value.Content.Get("application/json")
	require.NotNil(t, content, "%s %s: %d", method, path, a.Status)
	var answer any
	require.NoError(t, json.Unmarshal([]byte(a.Body), &answer), a.Body)
	require.NoError(t, content.Schema.Value.VisitJSON(answer, openapi3.EnableJSONSchema2020()), "%s: %s", path, a.Body)
}

func TestAnswersFitTheDescription(t *testing.T) {
	t.Parallel()
	s := fleet(t)
	s.AddUser("alice", "admin", "viewer:acme")
	d := described(t, s)
	admin := as(t, s, "all", "admin")
	for path, asked := range map[string]string{
		"/hosts": "/hosts", "/hosts/{group}/{host}": "/hosts/acme/web1", "/hosts/{group}/{host}/snapshots": "/hosts/acme/web1/snapshots",
		"/groups": "/groups", "/groups/{group}": "/groups/acme", "/policy": "/policy",
		"/runs": "/runs", "/runs/{run}": "/runs/web1-run", "/storages": "/storages",
		"/users": "/users", "/users/{user}": "/users/alice", "/tokens": "/tokens",
	} {
		a := admin.Get(api.Prefix + asked)
		require.Equal(t, http.StatusOK, a.Status, a.Body)
		fits(t, d, http.MethodGet, api.Prefix+path, a)
	}
	for _, wrong := range []string{"/hosts/acme/none", "/hosts?limit=0", "/hosts?grup=acme", "/users/none", "/runs/none"} {
		a := admin.Get(api.Prefix + wrong)
		require.GreaterOrEqual(t, a.Status, 400)
		fits(t, d, http.MethodGet, api.Prefix+"/hosts", a)
	}
}

// What a description must not say is seen: the schema of an answer is not one
// that everything fits.
func TestAnswersThatDoNotFitAreSeen(t *testing.T) {
	t.Parallel()
	d := described(t, webtest.New(t))
	schema := d.Paths.Value(api.Prefix + "/users").Get.Responses.Value("200").Value.Content.Get("application/json").Schema.Value
	for _, wrong := range []string{`{}`, `{"items":{},"next":null}`, `{"items":[{"name":"alice"}],"next":null}`} {
		var answer any
		require.NoError(t, json.Unmarshal([]byte(wrong), &answer))
		require.Error(t, schema.VisitJSON(answer, openapi3.EnableJSONSchema2020()), wrong)
	}
}
