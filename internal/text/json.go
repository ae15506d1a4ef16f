package text

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// UTF8 writes bytes that are not UTF-8 as \xNN, so that two paths that differ
// in them stay apart.
func UTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		if _, size := utf8.DecodeRuneInString(s[i:]); r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, `\x%02X`, s[i])
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// JSON writes v, indented, with bytes that are not UTF-8 as UTF8 has them. It is often printed straight into a terminal
// or a workflow log, so what Plain would make visible is escaped the JSON way:
// same value, nothing that acts.
func JSON(w io.Writer, v any) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(valid(reflect.ValueOf(v)).Interface()); err != nil {
		return fmt.Errorf("encode report: %w", err)
	}
	if _, err := io.WriteString(w, inert(buf.String())); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// valid is a copy of the value in which every string is UTF8 of what it was, so
// that bytes that are none are not lost.
func valid(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.String:
		return reflect.ValueOf(UTF8(v.String())).Convert(v.Type())
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return v
		}
		if v.Kind() == reflect.Interface {
			return valid(v.Elem())
		}
		c := reflect.New(v.Type().Elem())
		c.Elem().Set(valid(v.Elem()))
		return c
	case reflect.Slice:
		if v.IsNil() || v.Type().Elem().Kind() == reflect.Uint8 {
			return v
		}
		c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			c.Index(i).Set(valid(v.Index(i)))
		}
		return c
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		c := reflect.MakeMapWithSize(v.Type(), v.Len())
		for key, value := range v.Seq2() {
			c.SetMapIndex(valid(key), valid(value))
		}
		return c
	case reflect.Struct:
		c := reflect.New(v.Type()).Elem()
		c.Set(v)
		for i := range v.NumField() {
			if c.Field(i).CanSet() {
				c.Field(i).Set(valid(v.Field(i)))
			}
		}
		return c
	}
	return v
}

// inert escapes characters of JSON text. None of them occurs outside strings.
func inert(all string) string {
	var b strings.Builder
	b.Grow(len(all))
	for line := range strings.SplitSeq(all, "\n") {
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		if harmless(line) {
			b.WriteString(line)
		} else {
			inertLine(&b, line)
		}
	}
	return b.String()
}

func inertLine(b *strings.Builder, line string) {
	marks, hashes := noBase, 0
	for _, r := range line {
		switch {
		case r == '[' && hashes >= 2:
			b.WriteString(`\u005b`)
		case visible(r, &marks):
			b.WriteRune(r)
		default:
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(b, `\u%04x`, unit)
			}
		}
		if r == '#' {
			hashes++
		} else {
			hashes = 0
		}
	}
}
