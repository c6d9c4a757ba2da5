package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

const envPrefix = "PLANB_"

// override sets each value whose variable is in env. Storages are a comma
// separated list of datasets in PLANB_STORAGES; the name of a poster or
// channel is a part of the path: PLANB_BILLING_POSTERS_OFFICE_TOKEN.
func override(c *Config, env map[string]string) error {
	if v, ok := env["PLANB_STORAGES"]; ok {
		c.Storages = nil
		for name := range strings.SplitSeq(v, ",") {
			if name = strings.TrimSpace(name); name != "" {
				c.Storages = append(c.Storages, Storage{Dataset: name})
			}
		}
	}
	for i := range c.Billing.Posters {
		p := &c.Billing.Posters[i]
		if err := overrideStruct(reflect.ValueOf(p).Elem(), envPrefix+"BILLING_POSTERS_"+strings.ToUpper(p.Name)+"_", env); err != nil {
			return err
		}
	}
	for i := range c.Notify.Channels {
		ch := &c.Notify.Channels[i]
		if err := overrideStruct(reflect.ValueOf(ch).Elem(), envPrefix+"NOTIFY_CHANNELS_"+strings.ToUpper(ch.Name)+"_", env); err != nil {
			return err
		}
	}
	return overrideStruct(reflect.ValueOf(c).Elem(), envPrefix, env)
}

func overrideStruct(v reflect.Value, prefix string, env map[string]string) error {
	for i := range v.NumField() {
		field := v.Field(i)
		name := prefix + strings.ToUpper(v.Type().Field(i).Tag.Get("yaml"))
		if field.Kind() == reflect.Struct {
			if err := overrideStruct(field, name+"_", env); err != nil {
				return err
			}
			continue
		}
		text, ok := env[name]
		if !ok || field.Kind() == reflect.Slice {
			continue
		}
		if err := setText(field, text); err != nil {
			return fmt.Errorf("%s=%q: %w", name, text, err)
		}
	}
	return nil
}

func setText(field reflect.Value, text string) error {
	if u, ok := field.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	switch {
	case field.Type() == reflect.TypeFor[time.Duration]():
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("want a duration such as 30s")
		}
		field.SetInt(int64(d))
	case field.Kind() == reflect.String:
		field.SetString(text)
	case field.Kind() == reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("want true or false")
		}
		field.SetBool(b)
	case field.Kind() == reflect.Int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("want a whole number")
		}
		field.SetInt(int64(n))
	default:
		return fmt.Errorf("cannot be set by a variable")
	}
	return nil
}
