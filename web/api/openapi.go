package api

import (
	"encoding/json"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/internal/policy"
	"planb/web/server"
)

// DescriptionPath is where the description is.
const DescriptionPath = Prefix + "/openapi.json"

type object = map[string]any

// descriptionRoute serves the description to everybody: it tells of no host.
func (a API) descriptionRoute() server.Route {
	describe := sync.OnceValues(func() ([]byte, error) { return a.describe() })
	return server.Open(http.MethodGet, DescriptionPath, func(w http.ResponseWriter, _ *http.Request) error {
		text, err := describe()
		if err != nil {
			return err
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = w.Write(text) // who is gone reads nothing
		return nil
	})
}

// describe makes the description, in OpenAPI 3.1, of what makes the routes.
func (a API) describe() ([]byte, error) {
	paths := object{}
	for _, e := range a.endpoints() {
		operation, err := e.describe()
		if err != nil {
			return nil, err
		}
		path := Prefix + e.path
		if paths[path] == nil {
			paths[path] = object{}
		}
		paths[path].(object)[strings.ToLower(e.method)] = operation
	}
	return json.Marshal(object{
		"openapi": "3.1.0",
		"info": object{
			"title": "PlanB", "version": a.Version,
			"description": "Backups of many hosts. Times are RFC 3339 in UTC, sizes bytes; what is absent is null. More fields may come.",
		},
		"paths":    paths,
		"security": []any{object{"token": []string{}}},
		"components": object{
			"securitySchemes": object{"token": object{"type": "http", "scheme": "bearer"}},
			"responses": object{"error": object{
				"description": "Why not: a code for programs, a sentence for people",
				"content":     object{"application/json": object{"schema": errorSchema}},
			}},
		},
	})
}

var errorSchema = object{
	"type": "object", "required": []string{"error"},
	"properties": object{"error": object{
		"type": "object", "required": []string{"code", "title", "text", "request"},
		"properties": object{
			"code": object{"type": "string"}, "title": object{"type": "string"},
			"text": object{"type": "string"}, "request": object{"type": "string"},
		},
	}},
}

var inPath = regexp.MustCompile(`\{(\w+)\}`)

func (e endpoint) describe() (object, error) {
	parameters := []any{}
	for _, m := range inPath.FindAllStringSubmatch(e.path, -1) {
		parameters = append(parameters, object{"name": m[1], "in": "path", "required": true, "schema": object{"type": "string"}})
	}
	for _, p := range e.query {
		parameters = append(parameters, object{"name": p.name, "in": "query", "description": p.about, "schema": object{"type": p.kind}})
	}
	answer := object{"description": "Done"}
	status := "200"
	switch {
	case e.answer != nil:
		schema, err := schemaOf(reflect.TypeOf(e.answer), false)
		if err != nil {
			return nil, err
		}
		answer["content"] = object{"application/json": object{"schema": schema}}
	case e.media != "":
		answer["content"] = object{e.media: object{}}
	default:
		status = "204"
	}
	operation := object{
		"operationId": e.id, "summary": e.summary, "parameters": parameters,
		"description": "Takes the right to " + string(e.right) + roleOf(e.right) + ".",
		"responses":   object{status: answer, "default": object{"$ref": "#/components/responses/error"}},
	}
	if e.body != nil {
		schema, err := schemaOf(reflect.TypeOf(e.body), true)
		if err != nil {
			return nil, err
		}
		operation["requestBody"] = object{"content": object{"application/json": object{"schema": schema}}}
	}
	return operation, nil
}

func roleOf(right access.Right) string {
	var names []string
	for _, role := range access.Roles() {
		for _, r := range role.Rights() {
			if r == right {
				names = append(names, string(role))
			}
		}
	}
	return " (" + strings.Join(names, ", ") + ")"
}

// schemaOf gives the schema of a type. Of what comes back more fields may come,
// of what is sent none that is not known.
func schemaOf(t reflect.Type, sent bool) (*jsonschema.Schema, error) {
	text := func() *jsonschema.Schema { return &jsonschema.Schema{Type: "string"} }
	schema, err := jsonschema.ForType(t, &jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[catalog.Text]():     {Types: []string{"null", "string"}},
		reflect.TypeFor[json.RawMessage]():  {},
		reflect.TypeFor[time.Time]():        {Type: "string", Format: "date-time"},
		reflect.TypeFor[[]byte]():           {Types: []string{"null", "string"}},
		reflect.TypeFor[access.Grant]():     grantSchema(sent),
		reflect.TypeFor[policy.Interval]():  text(),
		reflect.TypeFor[policy.Window]():    text(),
		reflect.TypeFor[policy.Retention](): text(),
		reflect.TypeFor[policy.Bandwidth](): text(),
		reflect.TypeFor[policy.Sample]():    text(),
	}})
	if err != nil {
		return nil, err
	}
	if !sent {
		open(schema)
	}
	return schema, nil
}

// grantSchema is that of a role for a group, or for all where the group is null,
// which may be left out of what is sent.
func grantSchema(sent bool) *jsonschema.Schema {
	roles := []any{}
	for _, role := range access.Roles() {
		roles = append(roles, string(role))
	}
	s := &jsonschema.Schema{
		Type: "object", Required: []string{"role"},
		Properties: map[string]*jsonschema.Schema{
			"role": {Type: "string", Enum: roles}, "group": {Types: []string{"null", "string"}},
		},
	}
	if !sent {
		s.Required = append(s.Required, "group")
	}
	return s
}

// open lets objects have more fields than are known today.
func open(s *jsonschema.Schema) {
	if s == nil {
		return
	}
	if len(s.Properties) > 0 {
		s.AdditionalProperties = nil
	}
	for _, p := range s.Properties {
		open(p)
	}
	open(s.Items)
}
