class CreateNotes < ActiveRecord::Migration[8.0]
  def change
    create_table(:notes) { |table| table.string :text, null: false }
  end
end
