package spec

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Check checks a template, as encoding/json or a YAML reader decodes it, against the specification.
// Each error names the place (Resources.Bucket.Properties.Tags[0].Key) of an unknown resource type
// or property, a missing required property, or a value of the wrong shape. An intrinsic function is
// accepted in place of any value. As in CloudFormation, a number or a boolean may be written as a
// string, and vice versa. The errors are in the order of their places. Without errors the result is
// empty.
func Check(template map[string]any) []error {
	resources, ok := template["Resources"].(map[string]any)
	if !ok || len(resources) == 0 {
		return []error{errors.New("template has no Resources: it needs at least one")}
	}
	c := &checker{spec: load()}
	for _, id := range slices.Sorted(maps.Keys(resources)) {
		c.resource("Resources."+id, resources[id])
	}
	return c.found
}

type checker struct {
	spec  specification
	found []error
}

func (c *checker) add(place, format string, args ...any) {
	c.found = append(c.found, fmt.Errorf("%s: %s", place, fmt.Sprintf(format, args...)))
}

func (c *checker) resource(place string, value any) {
	body, ok := value.(map[string]any)
	if !ok {
		c.add(place, "must be an object")
		return
	}
	name, _ := body["Type"].(string)
	known, ok := c.spec.Resources[name]
	if !ok {
		c.add(place, "unknown resource type %q", name)
		return
	}
	properties := map[string]any{}
	if given, present := body["Properties"]; present {
		if properties, ok = given.(map[string]any); !ok {
			c.add(place+".Properties", "must be an object")
			return
		}
	}
	c.object(place+".Properties", known.Properties, properties)
}

func (c *checker) object(place string, known map[string]property, given map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if value, present := given[name]; known[name].Required == 1 && (!present || absent(value)) {
			c.add(place, "required property %s is missing", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if p, ok := known[name]; ok {
			c.value(place+"."+name, p.Type, given[name])
		} else {
			c.add(place, "unknown property %s", name)
		}
	}
}

func (c *checker) value(place string, s shape, value any) {
	switch {
	case intrinsic(value):
	case s.Array != nil:
		c.array(place, *s.Array, value)
	case s.Map != nil:
		c.mapping(place, *s.Map, value)
	case s.Union != nil:
		c.union(place, s.Union, value)
	case s.Ref != "":
		c.nested(place, c.spec.Types[s.Ref], value)
	case s.Primitive == "tag":
		c.nested(place, tag, value)
	case !isPrimitive(s.Primitive, value):
		c.add(place, "must be of type %s, not %s", s.Primitive, describe(value))
	}
}

// tag is the shape of an entry of Tags, which the specification names but does not describe.
var tag = map[string]property{
	"Key":   {Type: shape{Primitive: "string"}, Required: 1},
	"Value": {Type: shape{Primitive: "string"}, Required: 1},
}

func (c *checker) nested(place string, known map[string]property, value any) {
	given, ok := value.(map[string]any)
	if !ok {
		c.add(place, "must be an object, not %s", describe(value))
		return
	}
	c.object(place, known, given)
}

func (c *checker) array(place string, element shape, value any) {
	list := reflect.ValueOf(value)
	if list.Kind() != reflect.Slice {
		c.add(place, "must be a list, not %s", describe(value))
		return
	}
	for i := range list.Len() {
		c.value(fmt.Sprintf("%s[%d]", place, i), element, list.Index(i).Interface())
	}
}

func (c *checker) mapping(place string, element shape, value any) {
	given, ok := value.(map[string]any)
	if !ok {
		c.add(place, "must be a map, not %s", describe(value))
		return
	}
	for _, key := range slices.Sorted(maps.Keys(given)) {
		c.value(place+"."+key, element, given[key])
	}
}

// union accepts a value if one of the alternatives accepts it. Otherwise it reports the errors of
// the last one.
func (c *checker) union(place string, alternatives []shape, value any) {
	var last []error
	for _, s := range alternatives {
		attempt := &checker{spec: c.spec}
		attempt.value(place, s, value)
		if last = attempt.found; len(last) == 0 {
			return
		}
	}
	c.found = append(c.found, last...)
}

// intrinsic reports whether value is a function call: an object with one key, which is Ref or
// Condition, or begins with Fn::.
func intrinsic(value any) bool {
	object, ok := value.(map[string]any)
	if !ok || len(object) != 1 {
		return false
	}
	for key := range object {
		return key == "Ref" || key == "Condition" || strings.HasPrefix(key, "Fn::")
	}
	return false
}

// absent reports whether value removes the property that it is given for.
func absent(value any) bool {
	object, ok := value.(map[string]any)
	return value == nil || ok && len(object) == 1 && object["Ref"] == "AWS::NoValue"
}

func isPrimitive(name string, value any) bool {
	switch name {
	case "json":
		kind := reflect.ValueOf(value).Kind()
		return kind == reflect.Map || kind == reflect.Slice
	case "integer":
		number, ok := asNumber(value)
		return ok && number == math.Trunc(number)
	case "number":
		_, ok := asNumber(value)
		return ok
	case "boolean":
		return value == true || value == false || value == "true" || value == "false"
	}
	return scalar(value)
}

func asNumber(value any) (float64, bool) {
	if !scalar(value) {
		return 0, false
	}
	number, err := strconv.ParseFloat(fmt.Sprint(value), 64)
	return number, err == nil
}

func scalar(value any) bool {
	switch reflect.ValueOf(value).Kind() {
	case reflect.String, reflect.Bool, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint32, reflect.Uint64:
		return true
	}
	return false
}

func describe(value any) string {
	switch reflect.ValueOf(value).Kind() {
	case reflect.Invalid:
		return "null"
	case reflect.Map:
		return "an object"
	case reflect.Slice:
		return "a list"
	}
	return fmt.Sprintf("%#v", value)
}
