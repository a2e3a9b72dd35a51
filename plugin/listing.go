package plugin

import (
	"net/http"
	"strings"
)

// list answers which models there are, or what there is to say of the one called id.
func (c *catalog) list(w http.ResponseWriter, r *http.Request, id string) {
	if id != "" {
		m := find(c, r, id)
		if m == nil {
			c.refuseUnknown(w, r, id)
			return
		}
		entry := m.entry
		if m.name != id {
			entry = entryOf(id, m.service)
		}
		writeJSON(w, entry)
		return
	}
	listed := c.listedFor(r)
	entries := make([]string, len(listed))
	for i, m := range listed {
		entries[i] = m.entry
	}
	first, last := "null", "null"
	if len(listed) > 0 {
		first, last = quoted(listed[0].name), quoted(listed[len(listed)-1].name)
	}
	writeJSON(w, `{"object":"list","data":[`+strings.Join(entries, ",")+`],"has_more":false,"first_id":`+first+`,"last_id":`+last+`}`)
}

// mostNamed is how many models an answer names that refuses another.
const mostNamed = 20

// refuseUnknown answers as OpenAI does, and names those that there are.
func (c *catalog) refuseUnknown(w http.ResponseWriter, r *http.Request, name string) {
	var names []string
	listed := c.listedFor(r)
	for _, m := range listed {
		if len(names) < mostNamed {
			names = append(names, m.name)
		}
	}
	message := "The model " + shown(name) + " does not exist, or you may not use it."
	if len(names) > 0 {
		message += " You may use " + strings.Join(names, ", ")
		if len(names) < len(listed) {
			message += " and others: GET " + c.prefix + "/models lists them"
		}
		message += "."
	}
	message = quoted(message)
	refuse(w, r, refusal{http.StatusNotFound, "invalid_request_error", "model_not_found", message[1 : len(message)-1]})
}

// shown is a client's name for a model, as an answer has it.
func shown(name string) string {
	if len(name) > MaxModel {
		return "of this name"
	}
	return name
}

func writeJSON(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(body + "\n"))
}

// entryOf is what a list has of a model.
func entryOf(name, service string) string {
	id := quoted(name)
	return `{"id":` + id + `,"object":"model","type":"model","display_name":` + id + `,"created":0,"created_at":"1970-01-01T00:00:00Z","owned_by":` + quoted(service) + `}`
}

// listedFor are the models with whole names that the caller of r may use.
func (c *catalog) listedFor(r *http.Request) []*model {
	allowed := allowanceOf(r)
	var listed []*model
	for _, m := range c.listed {
		if allowed.allows(m.name) {
			listed = append(listed, m)
		}
	}
	return listed
}
