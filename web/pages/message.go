package pages

import (
	"io"
	"strings"
)

// messageView is the view of a Message.
type messageView struct {
	shell
	Message Message
	// Back is the address of the page's link: a path of this site, or an address of http or https.
	Back string
}

// WriteMessage writes the page of m.
func WriteMessage(w io.Writer, f Frame, m Message) error {
	view := messageView{shell: newShell(f, m.Title), Message: m, Back: webAddress(m.BackURL)}
	if strings.HasPrefix(m.BackURL, "/") && !strings.HasPrefix(m.BackURL, "//") {
		view.Back = m.BackURL
	}
	return render(w, "message", view)
}
