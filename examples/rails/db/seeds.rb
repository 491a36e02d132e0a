["Every branch has its own database", "This note is demo data"].each do |text|
  Note.find_or_create_by!(text: text)
end
