class NotesController < ActionController::Base
  def index
    items = Note.order(:id).map { |note| helpers.tag.li(note.text) }
    heading = helpers.tag.h1(ENV.fetch("PERCH_BRANCH", "local"))
    render html: helpers.safe_join([heading, helpers.tag.ul(helpers.safe_join(items))])
  end
end
