package ui

import (
	"context"
	"embed"
	"io"
	"strings"
	"sync"

	"github.com/a-h/templ"
)

//go:embed icons/*.svg
var iconFiles embed.FS

// icons gives the markup of each by its name, without the line breaks.
var icons = sync.OnceValue(func() map[string]string {
	entries, err := iconFiles.ReadDir("icons")
	if err != nil {
		panic(err) // the files are part of the binary
	}
	all := map[string]string{}
	for _, e := range entries {
		text, err := iconFiles.ReadFile("icons/" + e.Name())
		if err != nil {
			panic(err)
		}
		svg := strings.Join(strings.Fields(string(text)), " ")
		all[strings.TrimSuffix(e.Name(), ".svg")] = strings.Replace(svg, "<svg ", `<svg aria-hidden="true" focusable="false" `, 1)
	}
	return all
})

// Icon draws the icon called name, one of icons/LIST. It is decoration: the
// text beside it says the same.
func Icon(name string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, icons()[name])
		return err
	})
}
