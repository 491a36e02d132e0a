package github

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// longestComment is the maximum number of characters in a comment (telia-oss/github-pr-resource#259
// quotes GitHub's error).
const longestComment = 65536

// Comment is a comment on a pull request.
type Comment struct {
	ID          int64     `json:"id"`
	PullRequest int       `json:"pull_request"`
	Author      string    `json:"author"`
	Body        string    `json:"body"`
	Created     time.Time `json:"created"`
	Updated     time.Time `json:"updated"`
	// Edits is the number of times that the comment was edited.
	Edits int `json:"edits"`
}

// Comments returns the comments on a pull request, oldest first.
func (s *Server) Comments(pullRequest int) []Comment {
	s.serving.Lock()
	defer s.serving.Unlock()
	return copyAll(s.commentsOn(pullRequest))
}

// AddComment adds a comment by author.
func (s *Server) AddComment(pullRequest int, author, body string) (id int64) {
	s.changeState(func() { id = s.addComment(pullRequest, author, body).ID })
	return id
}

// EditComment changes the text of a comment, as another person can on GitHub. The author stays the
// same.
func (s *Server) EditComment(id int64, body string) {
	s.changeState(func() {
		if comment := s.comment(id); comment != nil {
			comment.Body, comment.Updated = body, s.config.Now()
			comment.Edits++
		}
	})
}

// DeleteComment deletes a comment.
func (s *Server) DeleteComment(id int64) {
	s.changeState(func() { s.removeComment(id) })
}

func (s *Server) commentsOn(pullRequest int) []*Comment {
	var found []*Comment
	for _, c := range s.state.Comments {
		if c.PullRequest == pullRequest {
			found = append(found, c)
		}
	}
	return found
}

func (s *Server) comment(id int64) *Comment {
	for _, c := range s.state.Comments {
		if c.ID == id {
			return c
		}
	}
	return nil
}

func (s *Server) addComment(pullRequest int, author, body string) *Comment {
	now := s.config.Now()
	comment := &Comment{PullRequest: pullRequest, Author: author, Body: body, Created: now, Updated: now}
	comment.ID = s.state.nextID()
	s.state.Comments = append(s.state.Comments, comment)
	return comment
}

func (s *Server) listComments(w http.ResponseWriter, r *http.Request) {
	p := s.pullRequestOf(w, r)
	if p == nil {
		return
	}
	found := s.commentsOn(p.Number)
	s.writeList(w, r, len(found), func(i int) any { return s.commentBody(r, found[i]) })
}

func (s *Server) createComment(w http.ResponseWriter, r *http.Request) {
	p := s.pullRequestOf(w, r)
	if p == nil {
		return
	}
	body, ok := commentText(w, r)
	switch {
	case !ok:
	case p.Locked: // renovatebot/renovate#6215
		failure(http.StatusForbidden, nil, map[string]any{
			"message":           "Unable to create comment because issue is locked.",
			"documentation_url": "https://help.github.com/articles/locking-conversations/",
		}).ServeHTTP(w, r)
	default:
		reply(w, http.StatusCreated, s.commentBody(r, s.addComment(p.Number, accessOf(r).Login, body)))
	}
}

func (s *Server) getComment(w http.ResponseWriter, r *http.Request) {
	if comment := s.commentOf(w, r); comment != nil {
		reply(w, http.StatusOK, s.commentBody(r, comment))
	}
}

// editComment changes a comment. A person with write permission may also change the comments of
// others, even in a locked conversation.
func (s *Server) editComment(w http.ResponseWriter, r *http.Request) {
	comment := s.commentOf(w, r)
	if comment == nil {
		return
	}
	body, ok := commentText(w, r)
	if !ok {
		return
	}
	comment.Body, comment.Updated = body, s.config.Now()
	comment.Edits++
	reply(w, http.StatusOK, s.commentBody(r, comment))
}

// deleteComment deletes a comment. As on GitHub, the comment may be another person's, and the
// conversation may be locked (GitHub docs: Delete an issue comment).
func (s *Server) deleteComment(w http.ResponseWriter, r *http.Request) {
	comment := s.commentOf(w, r)
	if comment == nil {
		return
	}
	s.removeComment(comment.ID)
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) removeComment(id int64) {
	s.state.Comments = slices.DeleteFunc(s.state.Comments, func(c *Comment) bool { return c.ID == id })
}

// commentOf returns the comment that the request names. If the comment does not exist, commentOf
// responds with 404 and returns nil.
func (s *Server) commentOf(w http.ResponseWriter, r *http.Request) *Comment {
	id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
	found := s.comment(id)
	if found == nil {
		Answer(http.StatusNotFound, "Not Found").ServeHTTP(w, r)
	}
	return found
}

// commentText returns the comment's text in a request. If the text is not valid, commentText
// responds with an error and returns false.
func commentText(w http.ResponseWriter, r *http.Request) (string, bool) {
	var in struct {
		Body string `json:"body"`
	}
	switch {
	case !decodeJSON(w, r, &in):
		return "", false
	case in.Body == "":
		validationError("IssueComment", "data", "unprocessable", "Body cannot be blank").ServeHTTP(w, r)
		return "", false
	case utf8.RuneCountInString(in.Body) > longestComment:
		message := fmt.Sprintf("Body is too long (maximum is %d characters)", longestComment)
		validationError("IssueComment", "data", "unprocessable", message).ServeHTTP(w, r)
		return "", false
	}
	return in.Body, true
}

func (s *Server) commentBody(r *http.Request, c *Comment) map[string]any {
	name, _ := s.identity()
	return map[string]any{
		"id": c.ID, "body": c.Body, "user": accountBody(c.Author), "created_at": timestamp(c.Created),
		"updated_at": timestamp(c.Updated),
		"html_url":   fmt.Sprintf("http://%s/%s/pull/%d#issuecomment-%d", r.Host, name, c.PullRequest, c.ID),
	}
}

// decodeJSON decodes the request's body into in. If that fails, decodeJSON responds with an error
// and returns false.
func decodeJSON(w http.ResponseWriter, r *http.Request, in any) bool {
	if err := json.NewDecoder(r.Body).Decode(in); err != nil {
		Answer(http.StatusBadRequest, "Problems parsing JSON").ServeHTTP(w, r)
		return false
	}
	return true
}

// validationError returns a handler that sends GitHub's validation error about one field. field and
// message may be empty.
func validationError(resource, field, code, message string) http.Handler {
	problem := map[string]any{"resource": resource, "code": code}
	if field != "" {
		problem["field"] = field
	}
	if message != "" {
		problem["message"] = message
	}
	return failure(http.StatusUnprocessableEntity, nil, map[string]any{
		"message": "Validation Failed", "errors": []any{problem}, "documentation_url": "https://docs.github.com/rest",
	})
}
