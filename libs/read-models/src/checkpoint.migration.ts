import { Migration } from '@mikro-orm/migrations';

/** The one row that says how far a model has come. It is updated in the transaction that writes the model's rows. */
export class CheckpointMigration extends Migration {
  override up(): void {
    this.addSql(`CREATE TABLE checkpoint (
      is_the_one boolean PRIMARY KEY DEFAULT true CHECK (is_the_one),
      position text NOT NULL,
      projected bigint NOT NULL,
      skipped bigint NOT NULL,
      build_id uuid NOT NULL DEFAULT gen_random_uuid(),
      writer_version bigint NOT NULL DEFAULT 0
    )`);
    this.addSql(`CREATE TABLE not_shown (
      stream text PRIMARY KEY,
      since text NOT NULL,
      type text NOT NULL,
      reason text NOT NULL
    )`);
    this.addSql(`INSERT INTO checkpoint (position, projected, skipped) VALUES ('0', 0, 0)`);
  }
}
